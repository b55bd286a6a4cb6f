import Contract

/// What somebody writes: 1 to 65,536 bytes in UTF-8, with something in it beside white space. Printing it shows nothing.
public struct MessageBody: RuledText, CustomReflectable {
  /// The longest, in bytes of UTF-8.
  public static let maximumBytes = 65_536

  /// The text itself.
  public let text: String

  /// Takes a text; throws `InvalidValue` when it is empty or too long.
  public init(_ text: String) throws(InvalidValue) {
    guard text.utf8.count <= Self.maximumBytes else {
      throw InvalidValue("too_long", "must have at most \(Self.maximumBytes) bytes")
    }
    guard text.contains(where: { !$0.isWhitespace }) else { throw InvalidValue("too_short", "must not be empty") }
    self.text = text
  }

  private init(known text: String) { self.text = text }

  /// Always `<message>`.
  public var description: String { "<message>" }
  /// Shows no children.
  public var customMirror: Mirror { Mirror(self, children: [:]) }

  /// Text of limited length.
  public static var schema: Schema { .string(length: 1...maximumBytes) }
  /// A short one.
  public static var sample: MessageBody { MessageBody(known: "Hello") }
}
