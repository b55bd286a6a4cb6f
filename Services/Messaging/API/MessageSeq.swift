import Contract

/// A place in a conversation: 0 stands before the first message.
public struct MessageSeq: Hashable, Sendable, Codable {
  /// The number.
  public let number: Int64

  /// Takes a number; nil when it is negative.
  public init?(_ number: Int64) {
    guard number >= 0 else { return nil }
    self.number = number
  }

  /// Reads the number; throws `InvalidValue` when it is negative.
  public init(from decoder: any Decoder) throws {
    guard let seq = MessageSeq(try decoder.singleValueContainer().decode(Int64.self)) else {
      throw InvalidValue("range", "must not be negative")
    }
    self = seq
  }

  /// Writes the number.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(number)
  }
}

extension MessageSeq: Described {
  /// A number that is not negative.
  public static var schema: Schema { .integer(0...Int.max) }
  /// Before the first message.
  public static var sample: MessageSeq { MessageSeq(0)! }
}
