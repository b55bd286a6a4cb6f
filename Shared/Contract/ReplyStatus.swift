/// A reply that chooses its own HTTP status, where the endpoint has more than one success: 201 for a new conversation, 200
/// for the one that was there.
public protocol ReplyStatus {
  /// The status; not encoded by itself.
  var status: Int { get }
}

/// A reply that tells the client's software something beside its content.
public protocol ReplyHeaders {
  /// The headers; not encoded by themselves.
  var headers: [ReplyHeader] { get }
}

/// A header of an answer on the public surface.
public struct ReplyHeader: Hashable, Sendable {
  /// The headers that a service may set. All others are the gateway's.
  public enum Name: UInt8, Sendable, CaseIterable {
    /// The version of what is shown, in quotes (RFC 9110, section 8.8.3). The gateway compares it with `If-None-Match`.
    case entityTag = 0
    /// Where what was made can be found, or where to go on.
    case location = 1
    /// In how many seconds to try again, of what was refused for some time only.
    case retryAfter = 2
    /// Who may keep the answer, and for how long (RFC 9111, section 5.2). Without it the gateway lets nobody.
    case cacheControl = 3
    /// Whether it is to be saved, and under which name (RFC 6266).
    case contentDisposition = 4
  }

  /// Which header.
  public let name: Name
  /// Its value.
  public let value: String

  /// Sets `name` to `value`.
  public init(_ name: Name, _ value: String) { (self.name, self.value) = (name, value) }
}
