/// A fact that a service publishes about itself, in the past tense: what has happened, to which aggregate.
///
/// Each aggregate's events carry a gapless version; whoever handles them sees each once and in order. A published event
/// keeps its name and its meaning for ever; fields may be added when they are optional. It carries no secrets and no
/// message bodies.
public protocol Event: Codable, Sendable {
  /// `<service>.<fact>`, in kebab case: "identity.member-registered".
  static var name: String { get }
  /// The aggregate it is about: the partition key, and the scope of versions.
  var subject: UniqueID { get }
}

extension Event {
  /// The service that publishes it: the first part of the name.
  public static var service: String { String(name.prefix { $0 != "." }) }
}
