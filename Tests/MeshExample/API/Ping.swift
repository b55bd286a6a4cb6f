import Contract

/// Says what it is told: for measuring the way there and back.
struct Ping: Endpoint {
  static let name = "notes.ping"
  static let route: Route? = .get("/api/v1/ping", .anyone)

  struct Reply: Codable, Sendable {
    let text: String
  }

  let text: String
}
