/// What a type throws while it decodes itself from a value that it does not accept: becomes one field of a 422 problem.
public struct InvalidValue: Error, Hashable, Sendable {
  /// The stable word for what is wrong, in snake case: "too_short".
  public let code: String
  /// What is expected, as the rest of a sentence that begins with the field: "must have at least 10 characters".
  public let detail: String

  /// Describes what is wrong.
  public init(_ code: String, _ detail: String) { (self.code, self.detail) = (code, detail) }
}
