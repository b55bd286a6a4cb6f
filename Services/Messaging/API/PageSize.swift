import Contract

/// How much of a list is wanted at once: 1 to 100.
public struct PageSize: Hashable, Sendable, Codable {
  private static let range = 1...100
  /// What is given unless somebody says otherwise.
  public static let usual = PageSize(known: 50)

  /// The number.
  public let count: Int

  /// Takes a number; nil when it is too small or too large.
  public init?(_ count: Int) {
    guard Self.range.contains(count) else { return nil }
    self.count = count
  }

  private init(known count: Int) { self.count = count }

  /// Reads the number; throws `InvalidValue` when it is too small or too large.
  public init(from decoder: any Decoder) throws {
    guard let size = PageSize(try decoder.singleValueContainer().decode(Int.self)) else {
      throw InvalidValue("range", "must be 1 to 100")
    }
    self = size
  }

  /// Writes the number.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(count)
  }
}

extension PageSize: Described {
  /// A number of limited size.
  public static var schema: Schema { .integer(range) }
  /// The usual one.
  public static var sample: PageSize { usual }
}
