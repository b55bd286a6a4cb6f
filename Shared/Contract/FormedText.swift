/// A value that is one text on the wire, and has one form: what is not of that form is refused with `malformed`.
public protocol FormedText: LosslessStringConvertible, Hashable, Sendable, Codable, Described {
  /// What is said about text of another form.
  static var malformed: InvalidValue { get }
}

extension FormedText {
  /// Reads the text; throws `malformed` for text of another form.
  public init(from decoder: any Decoder) throws {
    guard let value = Self(try decoder.singleValueContainer().decode(String.self)) else { throw Self.malformed }
    self = value
  }

  /// Writes the text.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
