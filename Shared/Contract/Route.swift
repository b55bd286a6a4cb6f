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

  /// What a request may carry.
  public enum Body: String, Sendable, Codable, CaseIterable {
    /// JSON, or nothing.
    case json
    /// JSON, also as a page's beacon sends it (`navigator.sendBeacon`): under the name of `text/plain`, and, since a beacon
    /// has no headers of its own, with the access token in the member `accessToken`.
    case beacon
    /// JSON, or the same fields as an HTML form sends them: `application/x-www-form-urlencoded`.
    case form
    /// A file, as it is or in a form (`multipart/form-data`). The gateway takes it to storage after the service has given
    /// leave, and then asks the endpoint, whose request may have these properties beside the path's values: `object`
    /// (`ObjectKey`: where the file is), `size` (bytes), `sha256` (hexadecimal digits), `mediaType` (what the client calls
    /// it, not to be believed) and `fileName` (optional). See `ObjectStorage`.
    case upload
  }

  /// The method.
  public let method: Method
  /// The path with its values in braces: `/api/v1/conversations/{conversation}/messages`.
  public let path: String
  /// Who may call.
  public let audience: Audience
  /// How often.
  public let rate: RateClass
  /// What its requests may carry.
  public let body: Body

  /// What files it takes, where its body is an upload.
  public let upload: Upload?
  /// The media type of what is answered; other than JSON where the endpoint's reply is a `Document`.
  public let answers: String

  /// The media type of replies that are not a `Document`.
  public static let json = "application/json"

  private init(
    _ method: Method, _ path: String, _ audience: Audience, _ rate: RateClass, body: Body = .json,
    answers: String = json, upload: Upload? = nil
  ) {
    (self.method, self.path, self.audience, self.rate) = (method, path, audience, rate)
    (self.body, self.answers, self.upload) = (body, answers, upload)
  }

  /// A route that reads; `answers` is the media type of a `Document`.
  public static func get(
    _ path: String, _ audience: Audience, rate: RateClass = .standard, answers: String = json
  ) -> Route {
    Route(.get, path, audience, rate, answers: answers)
  }

  /// A route that makes something or does something.
  public static func post(
    _ path: String, _ audience: Audience, rate: RateClass = .standard, body: Body = .json
  ) -> Route {
    Route(.post, path, audience, rate, body: body)
  }

  /// A route that replaces.
  public static func put(_ path: String, _ audience: Audience, rate: RateClass = .standard) -> Route {
    Route(.put, path, audience, rate)
  }

  /// A route that takes a file: of one of these media types (`image/png`, `image/*`), of at most `limit` bytes. The service
  /// must also say who gets leave: `MeshService.ticket`.
  ///
  ///     static let route: Route? = .upload(.put, "/api/v1/me/avatar", .member, of: ["image/png"], upTo: 10 << 20)
  public static func upload(
    _ method: Method, _ path: String, _ audience: Audience, of mediaTypes: [String], upTo limit: Int,
    rate: RateClass = .costly
  ) -> Route {
    precondition(method == .put || method == .post, "a file is sent with PUT or POST")
    let upload = Upload(accepts: mediaTypes, limit: limit)
    return Route(method, path, audience, rate, body: .upload, upload: upload)
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

  /// Reads what a catalogue holds; a record from before routes said so much is completed.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    method = try container.decode(Method.self, forKey: .method)
    path = try container.decode(String.self, forKey: .path)
    audience = try container.decode(Audience.self, forKey: .audience)
    rate = try container.decode(RateClass.self, forKey: .rate)
    body = try container.decodeIfPresent(Body.self, forKey: .body) ?? .json
    answers = try container.decodeIfPresent(String.self, forKey: .answers) ?? Self.json
    upload = try container.decodeIfPresent(Upload.self, forKey: .upload)
  }
}
