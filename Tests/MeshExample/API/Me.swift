import Contract

/// Who asks: for measuring the way of somebody who is signed in.
struct Me: Endpoint {
  static let name = "notes.me"
  static let route: Route? = .get("/api/v1/me", .member)

  struct Reply: Codable, Sendable {
    let member: MemberID
  }
}
