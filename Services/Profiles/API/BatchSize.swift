import Contract

/// How many members are made at once: 1 to 1,000.
public struct BatchSize: BoundedNumber {
  public static let range = 1...1000
  public static let sample = BatchSize(known: 1)

  public let number: Int

  public init(known number: Int) { self.number = number }
}
