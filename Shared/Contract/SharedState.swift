/// A part of a service's state that others keep a copy of: a value for each key, in a compacted topic of its own. The
/// last value counts; earlier ones may never be seen.
public protocol SharedState: Codable, Sendable {
  /// The topic: `<service>.<plural>`, "identity.keys".
  static var topic: String { get }
}
