import Contract
import Crypto
import EventLoop
import Mesh
import Storage
import Testing

@testable import Gateway

/// Stored files, as clients read them.
@Suite(.timeLimit(.minutes(1))) struct MediaTests {
  private let picture = ObjectKey(.public, of: "notes", "a.png")
  private let secret = ObjectKey(.private, of: "notes", "b.txt")

  @Test @Loop func `a public file may be kept for good, and is sent in ranges`() async throws {
    try await TestEdge.run { edge, client in
      try await edge.storage.put(.bytes(Array("picture".utf8)), as: picture, type: "image/png")
      let answer = try await client.ask("GET", "/media/public/notes/a.png")
      #expect(answer.status == 200)
      #expect(answer.body == "picture")
      #expect(answer.headers["content-type"] == "image/png")
      #expect(answer.headers["cache-control"] == "public, max-age=31536000, immutable")
      #expect(answer.headers["content-security-policy"] == Media.policy)
      #expect(answer.headers["content-disposition"] == nil)
      let tag = try #require(answer.headers["etag"])
      #expect(try await client.status("GET", "/media/public/notes/a.png", ["If-None-Match": tag]) == 304)
      let part = try await client.ask("GET", "/media/public/notes/a.png", ["Range": "bytes=0-3"])
      #expect(part.status == 206)
      #expect(part.body == "pict")
      #expect(try await client.ask("HEAD", "/media/public/notes/a.png").headers["content-length"] == "7")
    }
  }

  @Test @Loop func `a private file needs a link that its service has signed`() async throws {
    try await TestEdge.run { edge, client in
      try await edge.storage.put(.bytes(Array("secret".utf8)), as: secret, type: "text/plain")
      let keys = edge.mediaKeys.derived(for: "notes")
      let link = MediaLink.path(of: secret, until: .now + .seconds(60), signedWith: keys)
      let answer = try await client.ask("GET", link)
      #expect(answer.status == 200)
      #expect(answer.body == "secret")
      #expect(answer.headers["cache-control"] == "private, max-age=3600")
      #expect(answer.headers["content-disposition"] == "attachment")
      let over = MediaLink.path(of: secret, until: .now - .seconds(1), signedWith: keys)
      let others = MediaLink.path(
        of: secret, until: .now + .seconds(60), signedWith: edge.mediaKeys.derived(for: "tally"))
      for wrong in [over, others, "/media/\(secret)", link + "x", link.replacing("b.txt", with: "c.txt")] {
        #expect(try await client.problem("GET", wrong) == "403 link_invalid", "\(wrong)")
      }
      // A link for a file that is not there.
      let none = ObjectKey(.private, of: "notes", "none.txt")
      let empty = MediaLink.path(of: none, until: .now + .seconds(60), signedWith: keys)
      #expect(try await client.problem("GET", empty) == "404 not_found")
    }
  }

  @Test @Loop func `nothing else can be read`() async throws {
    try await TestEdge.run { edge, client in
      let incoming = ObjectKey(incoming: UniqueID(at: .now))
      try await edge.storage.put(.bytes([1]), as: incoming, type: "text/plain")
      for path in [
        "/media", "/media/", "/media/\(incoming)", "/media/public", "/media/public/notes", "/media/public/notes/",
        "/media/public/notes/none.png", "/media/.parts/1", "/media/public/.hidden/a", "/media/public/notes/a%20b",
      ] {
        #expect(try await client.problem("GET", path) == "404 not_found", "\(path)")
      }
      #expect(try await client.problem("GET", "/media/public/../private/notes/a") == "400 dot_segment")
      #expect(try await client.problem("DELETE", "/media/\(picture)") == "405 method_not_allowed")
    }
  }
}
