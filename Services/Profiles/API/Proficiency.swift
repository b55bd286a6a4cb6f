import Contract

/// How well somebody masters a skill: 0 to 100.
public struct Proficiency: BoundedNumber {
  public static let range = 0...100
  public static let sample = Proficiency(known: 50)

  public let number: Int

  public init(known number: Int) { self.number = number }
}
