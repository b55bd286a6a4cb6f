import Contract
import Mesh
import Testing
import Wire

/// A word of 3 to 8 letters.
private struct Nickname: Codable, Hashable, Sendable, Described {
  let text: String
  static var schema: Schema { .string(length: 3...8) }
  static var sample: Nickname { Nickname(text: "sample") }
  init(text: String) { self.text = text }
  init(from decoder: any Decoder) throws {
    text = try decoder.singleValueContainer().decode(String.self)
    guard text.count >= 3 else { throw InvalidValue("too_short", "must have at least 3 characters") }
    guard text.count <= 8 else { throw InvalidValue("too_long", "must have at most 8 characters") }
  }
  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }
}

private enum Tier: String, Codable, CaseIterable { case beginner, expert }

private struct Address: Codable, Hashable, Sendable {
  let city: String
  let zip: Int
}

private struct ChangeProfile: Endpoint {
  static let name = "example.change-profile"
  static let route: Route? = .post("/api/v1/profiles/{member}/{tier}", .member)
  typealias Reply = Nothing
  let member: MemberID
  let tier: Tier
  let nickname: Nickname
  let age: Int
  let addresses: [Address]
  let score: Double?
  let since: Timestamp?
}

private struct Search: Endpoint {
  static let name = "example.search"
  static let route: Route? = .get("/api/v1/profiles", .anyone)
  typealias Reply = Nothing
  let q: String
  let limit: Int?
  let verified: Bool?
  let skill: [String]?
  let tier: Tier?
}

@Suite struct FieldDecodingTests {
  private let member = "0190d9a0-0000-7000-8000-000000000001"

  private func change(_ body: String, tier: String = "expert") throws(Problem) -> ChangeProfile {
    try FieldDecoding.request(
      ChangeProfile.self, path: PathValues([("member", member), ("tier", tier)]), body: Array(body.utf8))
  }

  private func search(_ query: String) throws(Problem) -> Search {
    try FieldDecoding.request(Search.self, path: [:], body: Array(query.utf8))
  }

  @Test func `values of the path win over the body`() throws {
    let request = try change(
      #"{"member":"other","tier":"beginner","nickname":"anna","age":3,"addresses":[{"city":"Ulm","zip":1}],"x":[]}"#)
    #expect(request.member == MemberID(member))
    #expect(request.tier == .expert)
    #expect(request.addresses == [Address(city: "Ulm", zip: 1)])
    #expect(request.score == nil)
  }

  @Test func `all wrong fields are listed, each where it stands`() throws {
    let body = #"{"nickname":"al","age":"7","addresses":[{"city":"Ulm","zip":1},{"zip":null},4],"since":"today"}"#
    do {
      _ = try change(body)
      Issue.record("it was accepted")
    } catch {
      #expect(error.status == 422)
      #expect(
        error.errors?.map { "\($0.pointer) \($0.code): \($0.detail)" } == [
          "/nickname too_short: must have at least 3 characters", "/age type: must be a whole number",
          "/addresses/1/city required: must be given", "/addresses/1/zip required: must not be null",
          "/addresses/2 type: must be an object", "/since invalid: is not an ISO 8601 time with an offset",
        ])
    }
  }

  @Test(arguments: [
    ("", 422, "invalid_fields"), ("{", 400, "malformed_json"), ("[]", 422, "invalid_fields"),
    (#"{"age":1,"age":1}"#, 400, "malformed_json"),
  ])
  func `a body that is no object, or no JSON, is refused`(body: String, status: Int, code: String) {
    #expect { try change(body) } throws: {
      ($0 as? Problem)?.status == status && ($0 as? Problem)?.code == code
    }
  }

  @Test func `a path value that can name nothing is not found`() {
    #expect { try change(#"{"nickname":"anna","age":1,"addresses":[]}"#, tier: "bad") } throws: {
      ($0 as? Problem)?.status == 404
    }
  }

  @Test func `text with a zero character is refused`() {
    #expect { try change(#"{"nickname":"an\u0000na","age":1,"addresses":[]}"#) } throws: {
      ($0 as? Problem)?.errors?.map(\.pointer) == ["/nickname"]
    }
  }

  @Test func `the query gives text, numbers, truth values and lists`() throws {
    let request = try search("q=caf%C3%A9+au%20lait&limit=20&verified=true&skill=a&skill=b%26c&tier=expert&x=%zz")
    #expect(request.q == "café au lait")
    #expect(request.limit == 20)
    #expect(request.verified == true)
    #expect(request.skill == ["a", "b&c"])
    #expect(request.tier == .expert)
    #expect(try search("q=").q == "")
    #expect(try search("q=x&skill=one").skill == ["one"])
  }

  @Test func `wrong query values are listed`() {
    #expect { try search("limit=ten&verified=1&tier=none") } throws: {
      ($0 as? Problem)?.errors?.map { "\($0.pointer) \($0.code): \($0.detail)" } == [
        "?q required: must be given", "?limit type: must be a whole number", "?verified type: must be true or false",
        "?tier choice: must be one of beginner, expert",
      ]
    }
  }

  @Test func `what is encoded decodes to the same`() throws {
    let request = try change(#"{"nickname":"anna","age":1,"addresses":[],"score":1,"since":"2026-03-01T00:00:00Z"}"#)
    let again = try FieldDecoding.decode(ChangeProfile.self, from: JSONEncoding.bytes(of: request))
    #expect(again.since == request.since && again.score == 1 && again.member == request.member)
  }

  @Test func `a free map with many members is read in linear time`() throws {
    let body = "{" + (0..<20_000).map { "\"k\($0)\":\($0)" }.joined(separator: ",") + "}"
    #expect(try FieldDecoding.decode([String: Int].self, from: Array(body.utf8))["k19999"] == 19_999)
  }
}
