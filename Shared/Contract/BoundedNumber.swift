/// A whole number within limits.
public protocol BoundedNumber: Hashable, Comparable, Sendable, Codable, Described {
  /// The limits.
  static var range: ClosedRange<Int> { get }
  /// The number.
  var number: Int { get }
  /// Takes a number that is within the limits.
  init(known number: Int)
}

extension BoundedNumber {
  /// Takes a number; throws `InvalidValue` outside of the limits.
  public init(_ number: Int) throws(InvalidValue) {
    guard Self.range.contains(number) else {
      throw InvalidValue("range", "must be between \(Self.range.lowerBound) and \(Self.range.upperBound)")
    }
    self.init(known: number)
  }

  /// By size.
  public static func < (left: Self, right: Self) -> Bool { left.number < right.number }

  /// Reads the number; throws `InvalidValue` outside of the limits.
  public init(from decoder: any Decoder) throws { try self.init(decoder.singleValueContainer().decode(Int.self)) }

  /// Writes the number.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(number)
  }

  /// A number in the range.
  public static var schema: Schema { .integer(range) }
}
