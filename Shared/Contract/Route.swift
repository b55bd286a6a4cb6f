/// Where an endpoint stands on the public surface, and who may call it there.
public struct Route: Hashable, Sendable, Codable {
  /// The HTTP methods that the public surface uses.
  public enum Method: String, Sendable, Codable, CaseIterable {
    case get = "GET"
    case post = "POST"
    case put = "PUT"
    case patch = "PATCH"
    case delete = "DELETE"
  }

  /// The least that a caller must be. Each includes those after it.
  public enum Audience: String, Sendable, Codable, CaseIterable {
    case anyone, member, moderator, admin
  }

  /// How often a caller may ask, in calls a minute for one member or, where nobody is signed in, one address.
  public enum RateClass: String, Sendable, Codable, CaseIterable {
    /// Reading and ordinary changes: 600.
    case standard
    /// What sends to others, searches, or costs more: 120.
    case costly
    /// What guesses could be tried on: signing in, registering, resetting: 20.
    case sensitive

    /// Calls a minute.
    public var perMinute: Int {
      switch self {
      case .standard: 600
      case .costly: 120
      case .sensitive: 20
      }
    }
  }

  /// The method.
  public let method: Method
  /// The path with its values in braces: `/api/v1/conversations/{conversation}/messages`.
  public let path: String
  /// Who may call.
  public let audience: Audience
  /// How often.
  public let rate: RateClass

  private init(_ method: Method, _ path: String, _ audience: Audience, _ rate: RateClass) {
    (self.method, self.path, self.audience, self.rate) = (method, path, audience, rate)
  }

  /// A route that reads.
  public static func get(_ path: String, _ audience: Audience, rate: RateClass = .standard) -> Route {
    Route(.get, path, audience, rate)
  }

  /// A route that makes something or does something.
  public static func post(_ path: String, _ audience: Audience, rate: RateClass = .standard) -> Route {
    Route(.post, path, audience, rate)
  }

  /// A route that replaces.
  public static func put(_ path: String, _ audience: Audience, rate: RateClass = .standard) -> Route {
    Route(.put, path, audience, rate)
  }

  /// A route that changes a part.
  public static func patch(_ path: String, _ audience: Audience, rate: RateClass = .standard) -> Route {
    Route(.patch, path, audience, rate)
  }

  /// A route that removes.
  public static func delete(_ path: String, _ audience: Audience, rate: RateClass = .standard) -> Route {
    Route(.delete, path, audience, rate)
  }

  /// The names in braces, in the order of the path.
  public var parameters: [String] {
    path.split(separator: "/").compactMap { part in
      part.hasPrefix("{") && part.hasSuffix("}") ? String(part.dropFirst().dropLast()) : nil
    }
  }
}
