/// How many elements a page of a list has at most: 1 to 100.
public struct PageSize: BoundedNumber {
  /// The limits.
  public static let range = 1...100
  /// What lists give that say nothing else.
  public static let usual = PageSize(known: 50)
  /// The usual one.
  public static let sample = usual

  /// The number.
  public let number: Int

  /// Takes a number that is within the limits.
  public init(known number: Int) { self.number = number }
}
