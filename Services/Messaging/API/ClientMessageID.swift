import Contract

/// The name that a client gives a message before it sends it, so that sending it again makes no second one: 1 to 64
/// printable ASCII characters, such as a UUID.
public struct ClientMessageID: Hashable, Sendable, Codable, CustomStringConvertible {
  private static let maximumLength = 64

  /// The name.
  public let text: String

  /// Reads a name; nil for what is none.
  public init?(_ text: String) {
    guard (1...Self.maximumLength).contains(text.utf8.count), text.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
    else { return nil }
    self.text = text
  }

  /// The name.
  public var description: String { text }

  /// Reads the text; throws `InvalidValue` for what is no name.
  public init(from decoder: any Decoder) throws {
    guard let id = ClientMessageID(try decoder.singleValueContainer().decode(String.self)) else {
      throw InvalidValue("client_message_id", "must be 1 to \(Self.maximumLength) printable ASCII characters")
    }
    self = id
  }

  /// Writes the text.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }
}

extension ClientMessageID: Described {
  /// Text of limited length.
  public static var schema: Schema { .string(length: 1...maximumLength) }
  /// Some name.
  public static var sample: ClientMessageID { ClientMessageID("1")! }
}
