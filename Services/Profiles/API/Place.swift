import Contract

/// Where a member is, in their own words: "Berlin, Germany". 1 to 120 characters.
public struct Place: RuledText {
  private static let rule = TextRule(length: 1...120)

  public let text: String

  public init(_ text: String) throws(InvalidValue) { self.text = try Self.rule.accept(text) }
  private init(known text: String) { self.text = text }

  public static var schema: Schema { rule.schema }
  public static var sample: Place { Place(known: "Berlin") }
}
