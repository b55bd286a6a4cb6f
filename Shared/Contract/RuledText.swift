/// A value that is one text on the wire, as people write it, within limits: what is wrong with a text is said in its error.
public protocol RuledText: Hashable, Sendable, Codable, Described, CustomStringConvertible {
  /// The text.
  var text: String { get }
  /// Reads text; throws `InvalidValue` for what is not acceptable.
  init(_ text: String) throws(InvalidValue)
}

extension RuledText {
  /// The text.
  public var description: String { text }

  /// Reads the text; throws `InvalidValue` for what is not acceptable.
  public init(from decoder: any Decoder) throws { try self.init(decoder.singleValueContainer().decode(String.self)) }

  /// Writes the text.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }
}

extension String {
  /// The text without the white space around it.
  public var trimmed: String { String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed()) }
}
