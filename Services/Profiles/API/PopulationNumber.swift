import Contract

/// The number of a made-up member: up to ten million.
public struct PopulationNumber: BoundedNumber {
  public static let range = 0...10_000_000
  public static let sample = PopulationNumber(known: 0)

  public let number: Int

  public init(known number: Int) { self.number = number }
}
