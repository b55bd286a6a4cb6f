import Contract

/// How many hours a week somebody would like to meet: 1 to 80.
public struct HoursPerWeek: BoundedNumber {
  public static let range = 1...80
  public static let sample = HoursPerWeek(known: 2)

  public let number: Int

  public init(known number: Int) { self.number = number }
}
