import Contract

/// What is looked for: 1 to 200 characters; words that all must be there, "in quotes" as a phrase, -without.
public struct SearchText: RuledText {
  private static let rule = TextRule(length: 1...200)

  public let text: String

  public init(_ text: String) throws(InvalidValue) { self.text = try Self.rule.accept(text) }
  private init(known text: String) { self.text = text }

  public static var schema: Schema { rule.schema }
  public static var sample: SearchText { SearchText(known: "guitar") }
}
