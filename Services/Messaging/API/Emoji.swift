import Contract

/// One emoji to react with, with all that modifies it: one character, at most 40 bytes in UTF-8.
public struct Emoji: Hashable, Sendable, Codable, CustomStringConvertible {
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

  /// Reads the text; throws `InvalidValue` for what is no emoji.
  public init(from decoder: any Decoder) throws {
    guard let emoji = Emoji(try decoder.singleValueContainer().decode(String.self)) else {
      throw InvalidValue("emoji", "must be one emoji")
    }
    self = emoji
  }

  /// Writes the text.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }
}

extension Emoji: Described {
  /// Short text.
  public static var schema: Schema { .string(length: 1...maximumBytes) }
  /// A heart.
  public static var sample: Emoji { Emoji("\u{2764}\u{FE0F}")! }
}
