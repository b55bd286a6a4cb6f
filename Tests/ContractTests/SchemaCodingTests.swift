import Contract
import Foundation
import Testing

@Suite struct SchemaCodingTests {
  @Test func `a shape is written as JSON Schema and read back`() throws {
    let schema = Schema.object([
      .init("text", .string(length: 3...8, format: "email")), .init("word", .choice(["a", "b"])),
      .init("whole", .integer(0...10)), .init("number", .number(nil), isRequired: false),
      .init("flag", .optional(.boolean)), .init("list", .array(.string(), limit: 5)), .init("free", .map(.any)),
      .init("nested", .object([])),
    ])
    let text = try JSONEncoder().encode(schema)
    // Foundation does not keep the order of members.
    guard case .object(let properties) = try JSONDecoder().decode(Schema.self, from: text) else {
      Issue.record("not an object")
      return
    }
    #expect(Set(properties) == Set(schema.properties))
    let object = try #require(JSONSerialization.jsonObject(with: text) as? [String: Any])
    #expect(object["type"] as? String == "object")
    #expect((object["required"] as? [String])?.contains("number") == false)
  }

  @Test func `a route from before there were beacons can still be read`() throws {
    let old = #"{"method":"POST","path":"/a","audience":"member","rate":"standard"}"#
    #expect(try JSONDecoder().decode(Route.self, from: Data(old.utf8)) == .post("/a", .member))
    let beacon = Route.post("/a", .member, body: .beacon)
    #expect(try JSONDecoder().decode(Route.self, from: JSONEncoder().encode(beacon)) == beacon)
  }

  @Test func `a route says which files it takes`() throws {
    let route = Route.upload(.put, "/a", .member, of: ["image/*", "text/csv"], upTo: 100)
    #expect(try JSONDecoder().decode(Route.self, from: JSONEncoder().encode(route)) == route)
    for type in ["image/png", "IMAGE/webp", "text/csv; charset=utf-8"] {
      #expect(route.upload?.accepts(type) == true, "\(type)")
    }
    for type in ["", "image", "image/", "images/png", "text/csvx", "text/html"] {
      #expect(route.upload?.accepts(type) == false, "\(type)")
    }
  }

  @Test func `an audience includes those above it, and services`() {
    let member = MemberID(at: Timestamp(microseconds: 0))
    func signedIn(_ role: Role) -> Caller { .member(member, role: role, session: AuthSessionID(member.value)) }
    #expect(Route.Audience.anyone.includes(.anyone))
    #expect(!Route.Audience.member.includes(.anyone))
    #expect(Route.Audience.member.includes(signedIn(.admin)))
    #expect(!Route.Audience.moderator.includes(signedIn(.member)))
    #expect(Route.Audience.admin.includes(signedIn(.admin)))
    #expect(!Route.Audience.admin.includes(signedIn(.moderator)))
    #expect(Route.Audience.admin.includes(.service("credits", member: nil)))
  }
}
