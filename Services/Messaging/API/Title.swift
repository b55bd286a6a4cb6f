import Contract

/// What a group is called: 1 to 100 characters on one line, without spaces around them.
public struct Title: Hashable, Sendable, Codable, CustomStringConvertible {
  private static let maximumLength = 100
  private static let maximumBytes = 4 * maximumLength

  /// The title.
  public let text: String

  /// Reads a title; throws `InvalidValue` for what is none.
  public init(_ text: String) throws(InvalidValue) {
    guard text.utf8.count <= Self.maximumBytes, text.count <= Self.maximumLength else {
      throw InvalidValue("too_long", "must have at most \(Self.maximumLength) characters")
    }
    let title = String(text.drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
    guard !title.isEmpty else { throw InvalidValue("too_short", "must not be empty") }
    guard !title.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else {
      throw InvalidValue("characters", "must not contain control characters")
    }
    self.text = title
  }

  private init(known text: String) { self.text = text }

  /// The title.
  public var description: String { text }

  /// Reads the text; throws `InvalidValue` for what is no title.
  public init(from decoder: any Decoder) throws { try self.init(decoder.singleValueContainer().decode(String.self)) }

  /// Writes the text.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }
}

extension Title: Described {
  /// Text of limited length.
  public static var schema: Schema { .string(length: 1...maximumLength) }
  /// Some title.
  public static var sample: Title { Title(known: "Title") }
}
