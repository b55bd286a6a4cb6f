import Contract

/// The name of a skill or a category: 2 to 60 characters.
public struct TaxonomyName: RuledText {
  private static let rule = TextRule(length: 2...60)

  public let text: String

  public init(_ text: String) throws(InvalidValue) { self.text = try Self.rule.accept(text) }
  private init(known text: String) { self.text = text }

  public static var schema: Schema { rule.schema }
  public static var sample: TaxonomyName { TaxonomyName(known: "Guitar") }
}
