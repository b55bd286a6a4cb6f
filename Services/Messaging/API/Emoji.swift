import Contract

/// One emoji to react with, with all that modifies it: one character, at most 40 bytes in UTF-8.
public struct Emoji: FormedText {
  private static let maximumBytes = 40

  /// The character.
  public let text: String

  /// Reads an emoji; nil for what is none.
  public init?(_ text: String) {
    guard text.utf8.count <= Self.maximumBytes, text.count == 1, let first = text.unicodeScalars.first else {
      return nil
    }
    // Digits and signs are emoji too, but only with something after them that makes them one.
    let isPicture = first.properties.isEmojiPresentation
    let isMadeOne = first.properties.isEmoji && text.unicodeScalars.dropFirst().contains { $0.value == 0xFE0F }
    guard isPicture || isMadeOne else { return nil }
    self.text = text
  }

  /// The character.
  public var description: String { text }

  /// What is said about text that is no emoji.
  public static var malformed: InvalidValue { InvalidValue("emoji", "must be one emoji") }
  /// Short text.
  public static var schema: Schema { .string(length: 1...maximumBytes) }
  /// A heart.
  public static var sample: Emoji { Emoji("\u{2764}\u{FE0F}")! }
}
