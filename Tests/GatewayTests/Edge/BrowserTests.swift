import EventLoop
import Testing

@testable import Gateway

/// What browsers and proxies see.
@Suite(.timeLimit(.minutes(1))) struct BrowserTests {
  private var options: Edge.Options {
    var options = Edge.Options()
    options.crossOrigin = CrossOrigin([WebOrigin(option: "https://app.example")!])
    options.proxies = TrustedProxies(networks: [Network(option: "127.0.0.0/8")!])
    return options
  }

  @Test @Loop func `a page of a listed site may ask and read`() async throws {
    try await TestEdge.run(options) { edge, client in
      let preflight = try await client.ask(
        "OPTIONS", "/api/v1/notes",
        [
          "Origin": "https://app.example", "Access-Control-Request-Method": "POST",
          "Access-Control-Request-Headers": "authorization,content-type",
        ])
      #expect(preflight.status == 204)
      #expect(preflight.headers["access-control-allow-origin"] == "https://app.example")
      #expect(preflight.headers["access-control-allow-methods"] == "POST, OPTIONS")
      #expect(preflight.headers["access-control-allow-headers"]?.contains("Authorization") == true)
      #expect(preflight.headers["access-control-max-age"] == "600")
      #expect(preflight.headers["access-control-allow-credentials"] == nil)
      let answer = try await client.ask("GET", "/api/v1/greeting", ["Origin": "https://app.example"])
      #expect(answer.headers["access-control-allow-origin"] == "https://app.example")
      #expect(answer.headers["access-control-expose-headers"]?.contains("RateLimit-Remaining") == true)
      #expect(answer.headers["vary"] == "Origin")
      let problem = try await client.ask("GET", "/api/v1/nothing", ["Origin": "https://app.example"])
      #expect(problem.headers["access-control-allow-origin"] == "https://app.example")
    }
  }

  @Test @Loop func `a page of another site may not read`() async throws {
    try await TestEdge.run(options) { edge, client in
      for origin in ["https://evil.example", "null", "https://app.example.evil"] {
        let preflight = try await client.ask(
          "OPTIONS", "/api/v1/notes", ["Origin": origin, "Access-Control-Request-Method": "POST"])
        #expect(preflight.headers["access-control-allow-origin"] == nil)
        #expect(preflight.headers["access-control-allow-methods"] == nil)
        let answer = try await client.ask("GET", "/api/v1/greeting", ["Origin": origin])
        #expect(answer.headers["access-control-allow-origin"] == nil)
        #expect(answer.headers["vary"] == "Origin")
      }
    }
  }

  @Test @Loop func `OPTIONS says what a path answers`() async throws {
    try await TestEdge.run { edge, client in
      let answer = try await client.ask("OPTIONS", "/api/v1/notes/x")
      #expect(answer.status == 204)
      #expect(answer.headers["allow"] == "GET, HEAD, DELETE, OPTIONS")
      #expect(try await client.ask("OPTIONS", "*").headers["allow"] == "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
      #expect(try await client.problem("OPTIONS", "/api/v1/nothing") == "404 not_found")
    }
  }

  @Test @Loop func `encryption in front of us is made to stay`() async throws {
    try await TestEdge.run(options) { edge, client in
      let answer = try await client.ask("GET", "/api/v1/greeting", ["X-Forwarded-Proto": "https"])
      #expect(answer.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains")
      #expect(try await client.ask("GET", "/api/v1/greeting").headers["strict-transport-security"] == nil)
    }
  }

  @Test @Loop func `clients behind a trusted proxy have allowances of their own`() async throws {
    var options = options
    options.callsOfAddress = 1
    try await TestEdge.run(options) { edge, client async throws in
      #expect(try await client.status("GET", "/api/v1/greeting", ["X-Forwarded-For": "1.1.1.1"]) == 200)
      #expect(try await client.status("GET", "/api/v1/greeting", ["X-Forwarded-For": "6.6.6.6, 1.1.1.1"]) == 429)
      #expect(try await client.status("GET", "/api/v1/greeting", ["X-Forwarded-For": "2.2.2.2"]) == 200)
    }
  }

  @Test @Loop func `the documents are served with tags, and the page needs nothing from others`() async throws {
    try await TestEdge.run { edge, client in
      let openAPI = try await client.ask("GET", "/openapi.json")
      #expect(openAPI.status == 200)
      #expect(openAPI.headers["content-type"] == "application/json")
      let tag = try #require(openAPI.headers["etag"])
      let again = try await client.ask("GET", "/openapi.json", ["If-None-Match": "\"x\", \(tag)"])
      #expect(again.status == 304)
      edge.edge.routes.replace(with: [:])
      #expect(try await client.status("GET", "/openapi.json", ["If-None-Match": tag]) == 200)

      let page = try await client.ask("GET", "/docs")
      #expect(page.headers["content-type"] == "text/html; charset=utf-8")
      #expect(page.headers["content-security-policy"]?.contains("script-src 'self'") == true)
      #expect(page.headers["content-security-policy"]?.contains("frame-ancestors 'none'") == true)
      #expect(!page.body.contains("http://") && !page.body.contains("https://"))
      for (path, type) in [("/docs/docs.js", "text/javascript"), ("/docs/docs.css", "text/css")] {
        let part = try await client.ask("GET", path)
        #expect(part.status == 200)
        #expect(part.headers["content-type"]?.hasPrefix(type) == true)
        #expect(page.body.contains("\"\(path)\""))
      }
      #expect(try await client.ask("GET", "/").headers["location"] == "/docs")
      #expect(try await client.status("POST", "/docs", body: "{}") == 405)
      #expect(try await client.problem("GET", "/docs/other") == "404 not_found")
    }
  }
}
