/// Something that a service does to itself at a later time: "expire this token".
///
/// It survives every crash and fires once, in the transaction of its effect, on whichever replica is there.
public protocol DurableTimer: Codable, Sendable {
  /// Its name within the service, in kebab case: "token-expired".
  static var name: String { get }
}
