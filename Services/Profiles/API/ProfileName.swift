import Contract

/// A first or last name as its bearer writes it: 1 to 100 characters of any script.
public struct ProfileName: RuledText {
  private static let rule = TextRule(length: 1...100)

  public let text: String

  public init(_ text: String) throws(InvalidValue) { self.text = try Self.rule.accept(text) }
  private init(known text: String) { self.text = text }

  public static var schema: Schema { rule.schema }
  public static var sample: ProfileName { ProfileName(known: "Name") }
}
