import Contract
import Mesh
import Testing
import Wire

@testable import Gateway

@Suite struct RouterTests {
  private let router: Router<String> = {
    var router = Router<String>()
    let routes: [(Route.Method, String)] = [
      (.get, "/api/v1/users/{user}"), (.patch, "/api/v1/users/{user}"), (.get, "/api/v1/users/online"),
      (.get, "/api/v1/users/presence/{member}"), (.patch, "/api/v1/users/presence/status"),
      (.get, "/api/v1/users/{user}/slots"), (.delete, "/api/v1/messages/{message}/reactions/{emoji}"),
      (.get, "/.well-known/jwks.json"), (.get, "/api/v2/users/{user}"),
    ]
    for (method, path) in routes { _ = router.add(method, PathTemplate(path)!, "\(method.rawValue) \(path)") }
    return router
  }()

  private func find(_ method: HTTPMethod, _ path: String) throws -> String {
    switch router.find(method, try RequestTarget(path).segments) {
    case .found(let target, let path): "\(target) \(path.pairs.map { "\($0.name)=\($0.value)" }.joined(separator: " "))"
    case .otherMethods(let methods): "only " + methods.map(\.rawValue).joined(separator: " ")
    case .nothing: "nothing"
    }
  }

  @Test(arguments: [
    (HTTPMethod.get, "/api/v1/users/7", "GET /api/v1/users/{user} user=7"),
    (.head, "/api/v1/users/7", "GET /api/v1/users/{user} user=7"),
    (.patch, "/api/v1/users/7", "PATCH /api/v1/users/{user} user=7"),
    (.get, "/api/v1/users/online", "GET /api/v1/users/online "),
    (.get, "/api/v1/users/presence/7", "GET /api/v1/users/presence/{member} member=7"),
    (.patch, "/api/v1/users/presence/status", "PATCH /api/v1/users/presence/status "),
    (.get, "/api/v1/users/presence/slots", "GET /api/v1/users/presence/{member} member=slots"),
    (.get, "/api/v1/users/online/slots", "GET /api/v1/users/{user}/slots user=online"),
    (
      .delete, "/api/v1/messages/1/reactions/%F0%9F%91%8D",
      "DELETE /api/v1/messages/{message}/reactions/{emoji} message=1 emoji=👍"
    ),
    (.get, "/.well-known/jwks.json", "GET /.well-known/jwks.json "),
    (.get, "/api/users/7", "GET /api/v1/users/{user} user=7"),
    (.get, "/api/v2/users/7", "GET /api/v2/users/{user} user=7"),
    (.get, "/api/v3/users/7", "nothing"),
    (.get, "/api/v1/users", "nothing"),
    (.get, "/api/v1/users/7/slots/8", "nothing"),
    (.get, "/api", "nothing"),
    (.get, "/", "nothing"),
    (.delete, "/api/v1/users/7", "only GET HEAD PATCH OPTIONS"),
    (.options, "/api/v1/users/online", "only GET HEAD OPTIONS"),
    (.get, "/api/v1/messages/1/reactions/x", "only DELETE OPTIONS"),
  ])
  func `a path leads to the most particular route`(_ method: HTTPMethod, _ path: String, _ expected: String) throws {
    #expect(try find(method, path) == expected)
  }

  @Test func `a route that is taken is not given to another`() {
    var router = self.router
    let second = router.add(.get, PathTemplate("/api/v1/users/{other}")!, "second")
    let third = router.add(.put, PathTemplate("/api/v1/users/{other}")!, "third")
    #expect(!second)
    #expect(third)
  }

  @Test func `a path of very many segments is nothing`() {
    guard case .nothing = router.find(.get, Array(repeating: "users", count: 4000)) else {
      Issue.record("something was found")
      return
    }
  }

  @Test(arguments: [
    "", "api", "/api//x", "/api/", "/a/{}", "/a/{b", "/a/b}", "/a/{b}/{b}", "/a/x{b}", "/a/../b", "/a/./b", "/a b",
    "/a?b", "/a#b", "/a%20b", "/ä", "/{a-b}", "/" + Array(repeating: "x", count: 33).joined(separator: "/"),
  ])
  func `a template that could mean two things is refused`(_ template: String) {
    #expect(PathTemplate(template) == nil)
  }

  @Test func `a template knows its names in order`() {
    #expect(PathTemplate("/a/{first}/b/{second}")?.names == ["first", "second"])
    #expect(PathTemplate("/")?.parts == [])
  }
}
