import Contract

/// The name that a client gives a message before it sends it, so that sending it again makes no second one: 1 to 64
/// printable ASCII characters, such as a UUID.
public struct ClientMessageID: FormedText {
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

  /// What is said about text that is no name.
  public static var malformed: InvalidValue {
    InvalidValue("client_message_id", "must be 1 to \(Self.maximumLength) printable ASCII characters")
  }
  /// Text of limited length.
  public static var schema: Schema { .string(length: 1...maximumLength) }
  /// Some name.
  public static var sample: ClientMessageID { ClientMessageID("1")! }
}
