import Contract

/// What a member says about themselves beside the status.
public struct CustomStatus: Codable, Sendable, Equatable {
  /// In words.
  public let message: StatusMessage?
  /// In a picture.
  public let emoji: StatusEmoji?
  /// When it goes away by itself.
  public let until: Timestamp?

  /// Says something.
  public init(message: StatusMessage?, emoji: StatusEmoji?, until: Timestamp?) {
    (self.message, self.emoji, self.until) = (message, emoji, until)
  }
}

/// A line about what somebody is doing: 1 to 140 characters, without line breaks and control characters.
public struct StatusMessage: RuledText {
  /// The longest message, in characters.
  public static let maximumLength = 140
  /// The longest message in UTF-8, since a character may be made of very many parts.
  private static let maximumBytes = 8 * maximumLength

  /// The message, without spaces around it.
  public let text: String

  /// Reads a message; throws `InvalidValue` for what is none.
  public init(_ text: String) throws(InvalidValue) {
    guard text.utf8.count <= 2 * Self.maximumBytes else { throw Self.tooLong }
    let line = text.trimmed
    guard !line.isEmpty else { throw InvalidValue("too_short", "must not be empty; null takes it away") }
    guard line.utf8.count <= Self.maximumBytes, line.count <= Self.maximumLength else { throw Self.tooLong }
    guard line.unicodeScalars.allSatisfy(Self.isAcceptable) else {
      throw InvalidValue("characters", "must be one line without control characters")
    }
    self.text = line
  }

  private static var tooLong: InvalidValue {
    InvalidValue("too_long", "must have at most \(maximumLength) characters")
  }

  /// Joiners and the tags of flags are parts of emoji; other format characters turn the text around them.
  private static func isAcceptable(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .privateUse, .surrogate, .unassigned, .lineSeparator, .paragraphSeparator: false
    case .format: scalar.value == 0x200C || scalar.value == 0x200D || (0xE0020...0xE007F).contains(scalar.value)
    default: true
    }
  }

  private init(known text: String) { self.text = text }

  /// Text of limited length.
  public static var schema: Schema { .string(length: 1...maximumLength) }
  /// Some message.
  public static var sample: StatusMessage { StatusMessage(known: "Teaching") }
}

/// One emoji.
public struct StatusEmoji: RuledText {
  /// Flags of regions and families are the longest.
  private static let maximumBytes = 64

  /// The emoji.
  public let text: String

  /// Reads an emoji; throws `InvalidValue` for what is none.
  public init(_ text: String) throws(InvalidValue) {
    guard text.utf8.count <= Self.maximumBytes, text.count == 1, Self.isEmoji(text.unicodeScalars) else {
      throw InvalidValue("emoji", "must be one emoji")
    }
    self.text = text
  }

  /// Digits can become emoji, but are none by themselves.
  private static func isEmoji(_ scalars: String.UnicodeScalarView) -> Bool {
    guard let first = scalars.first?.properties, first.isEmoji else { return false }
    return first.isEmojiPresentation || scalars.contains { $0.value == 0xFE0F || $0.value == 0x20E3 }
  }

  private init(known text: String) { self.text = text }

  /// Text.
  public static var schema: Schema { .string(length: 1...16) }
  /// Some emoji.
  public static var sample: StatusEmoji { StatusEmoji(known: "📚") }
}
