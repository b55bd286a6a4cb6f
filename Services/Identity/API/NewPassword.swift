import Contract

/// A password that somebody wants to have from now on: at least 10 characters, at most 1,024 bytes in UTF-8.
///
/// Whether it is too easy to guess is for the service to say. Printing it shows nothing.
public struct NewPassword: RuledText, CustomReflectable {
  /// The shortest, in characters.
  public static let minimumLength = 10
  /// The longest, in bytes of UTF-8.
  public static let maximumBytes = 1_024

  /// The password itself.
  public let text: String

  /// Takes a password; throws `InvalidValue` when it is too short or too long.
  public init(_ text: String) throws(InvalidValue) {
    guard text.utf8.count <= Self.maximumBytes else {
      throw InvalidValue("too_long", "must have at most \(Self.maximumBytes) bytes")
    }
    guard text.count >= Self.minimumLength else {
      throw InvalidValue("too_short", "must have at least \(Self.minimumLength) characters")
    }
    self.text = text
  }

  private init(known text: String) { self.text = text }

  /// Always `<password>`.
  public var description: String { "<password>" }
  /// Shows no children.
  public var customMirror: Mirror { Mirror(self, children: [:]) }

  /// Text of limited length.
  public static var schema: Schema { .string(length: minimumLength...maximumBytes, format: "password") }
  /// As many characters as there must be.
  public static var sample: NewPassword { NewPassword(known: String(repeating: "*", count: minimumLength)) }
}
