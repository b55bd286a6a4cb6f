import Contract

/// What a member tells about a skill of theirs: up to 500 characters of plain text, with line breaks.
public struct SkillDescription: RuledText {
  private static let rule = TextRule(length: 1...500, hasLines: true)

  public let text: String

  public init(_ text: String) throws(InvalidValue) { self.text = try Self.rule.accept(text) }
  private init(known text: String) { self.text = text }

  public static var schema: Schema { rule.schema }
  public static var sample: SkillDescription { SkillDescription(known: "For beginners.") }
}
