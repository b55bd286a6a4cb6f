import Contract

/// How many elements a page has at most: 1 to 100.
public struct PageSize: BoundedNumber {
  public static let range = 1...100
  public static let sample = PageSize(known: 20)

  public let number: Int

  public init(known number: Int) { self.number = number }
}
