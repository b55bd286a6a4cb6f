/// A question that one service answers: the request's fields are its stored properties.
///
/// On the public surface, a property named like a value of the route's path is read from the path; of a `GET` or
/// `DELETE` the others are read from the query, of the other methods from the JSON body.
///
/// An endpoint, once published, keeps its name and its meaning; fields may be added when they are optional.
public protocol Endpoint: Codable, Sendable {
  /// What the service answers.
  associatedtype Reply: Codable & Sendable
  /// The ways in which the domain may say no.
  associatedtype Refusal: Contract.Refusal = Never

  /// `<service>.<verb or noun>`, in kebab case: "credits.hold".
  static var name: String { get }
  /// Where it stands on the public surface; nil for an endpoint that only other services may ask.
  static var route: Route? { get }
  /// What it has to do with clients' sockets; nil by default.
  static var socket: SocketUse? { get }
  /// What keeps requests in order with one another.
  static var key: PartitionKey { get }
  /// Whether answering changes anything.
  static var effect: Effect { get }
  /// The status of a successful answer. By default 204 where `Reply` is `Nothing`, 302 where it is a `Redirect`, 201 for
  /// `POST`, otherwise 200.
  static var success: Int { get }
}

/// Whether an endpoint changes anything.
public enum Effect: String, Sendable, Codable {
  /// It only looks: it may be asked again and answered by any replica.
  case read
  /// It changes state: it runs in one transaction that holds its idempotency record too.
  case write
}

/// What keeps the requests of an endpoint in order: requests with equal keys are answered one after the other.
///
/// Never something inside the body, which the gateway does not open.
public enum PartitionKey: Hashable, Sendable, Codable {
  /// The value of this name in the route's path.
  case path(String)
  /// The member who asks.
  case member
  /// Nothing: each request stands alone.
  case request
}

/// The answer of an endpoint that has nothing to say but "done".
public struct Nothing: Codable, Sendable, Equatable {
  /// The only value.
  public init() {}
}

extension Endpoint {
  /// Nothing.
  public static var socket: SocketUse? { nil }

  /// The first value of the path; else the member, where there must be one; else nothing.
  public static var key: PartitionKey {
    if let first = route?.parameters.first { return .path(first) }
    return route.map { $0.audience == .anyone } ?? true ? .request : .member
  }

  /// `GET` reads, everything else writes.
  public static var effect: Effect { route?.method == .get ? .read : .write }

  /// 204 where the reply is `Nothing`, 302 where it is a `Redirect`, 201 for `POST`, otherwise 200.
  public static var success: Int {
    Reply.self == Nothing.self ? 204 : Reply.self == Redirect.self ? 302 : route?.method == .post ? 201 : 200
  }

  /// The service that answers: the first part of the name.
  public static var service: String { String(name.prefix { $0 != "." }) }
}

/// The domain's no: a case of an enumeration whose raw value is the public `code`.
///
/// A refusal is an answer. It is recorded like one, never retried, and mapped to HTTP here and nowhere else.
public protocol Refusal: Error, Codable, Sendable {
  /// The stable word clients compare, in snake case: "email_taken".
  var code: String { get }
  /// The HTTP status.
  var status: Int { get }
  /// What happened and what to do, in a sentence for people.
  var detail: String { get }
}

extension Refusal where Self: RawRepresentable, RawValue == String {
  /// The raw value.
  public var code: String { rawValue }
}

/// An endpoint without a `Refusal` of its own never says no.
extension Never: Refusal {
  /// Never asked for.
  public var code: String { fatalError("Never has no values") }
  /// Never asked for.
  public var status: Int { fatalError("Never has no values") }
  /// Never asked for.
  public var detail: String { fatalError("Never has no values") }
}
