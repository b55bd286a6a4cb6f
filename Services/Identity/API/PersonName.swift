import Contract

/// A first or last name as its bearer writes it: 1 to 100 characters of any script.
///
/// Spaces around it are taken away. Control characters and those that turn the direction of the text around them are
/// refused, since they can make one name look like another; the joiners that some scripts need are not.
public struct PersonName: RuledText {
  /// The longest name, in characters.
  public static let maximumLength = 100
  /// The longest name in UTF-8, since a character may be made of very many parts.
  private static let maximumBytes = 4 * maximumLength

  /// The name.
  public let text: String

  /// Reads a name; throws `InvalidValue` for what is none.
  public init(_ text: String) throws(InvalidValue) {
    guard text.utf8.count <= 2 * Self.maximumBytes else { throw Self.tooLong }
    let name = text.trimmed
    guard !name.isEmpty else { throw InvalidValue("too_short", "must not be empty") }
    guard name.utf8.count <= Self.maximumBytes, name.count <= Self.maximumLength else { throw Self.tooLong }
    guard name.unicodeScalars.allSatisfy(Self.isAcceptable) else {
      throw InvalidValue("characters", "must not contain control characters")
    }
    self.text = name
  }

  private static var tooLong: InvalidValue {
    InvalidValue("too_long", "must have at most \(maximumLength) characters")
  }

  private static func isAcceptable(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .privateUse, .surrogate, .unassigned, .lineSeparator, .paragraphSeparator: false
    case .format: scalar.value == 0x200C || scalar.value == 0x200D
    default: true
    }
  }

  private init(known text: String) { self.text = text }

  /// Text of limited length.
  public static var schema: Schema { .string(length: 1...maximumLength) }
  /// Somebody.
  public static var sample: PersonName { PersonName(known: "Name") }
}
