import Contract

/// What a member tells about themselves: up to 2,000 characters of plain text, with line breaks.
public struct Biography: RuledText {
  private static let rule = TextRule(length: 1...2000, hasLines: true)

  public let text: String

  public init(_ text: String) throws(InvalidValue) { self.text = try Self.rule.accept(text) }
  private init(known text: String) { self.text = text }

  public static var schema: Schema { rule.schema }
  public static var sample: Biography { Biography(known: "I teach.") }
}
