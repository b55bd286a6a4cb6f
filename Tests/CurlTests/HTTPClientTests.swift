import Curl
import EventLoop
import HTTP
import Testing
import Wire

@Suite(.timeLimit(.minutes(1))) struct HTTPClientTests {
  /// A server that says what it was asked, or does what the path says.
  @Loop private func serve() throws -> HTTPServer {
    try HTTPServer(on: .anyLoopbackPort) { request in
      switch request.head.rawTarget {
      case "/silent": break
      case "/large": request.answer(HTTPResponse(type: "text/plain", bytes: Array(repeating: 120, count: 100_000)))
      case "/teapot": request.answer(HTTPResponse(status: 418))
      default:
        let method = request.head.method.rawValue
        request.withBody { body in
          let text = "\(method) \((try? body.get()).map { String(decoding: $0, as: UTF8.self) } ?? "broken")"
          request.answer(HTTPResponse(type: "text/plain", bytes: Array(text.utf8)))
        }
      }
    }
  }

  @Loop private func with(
    _ change: (inout HTTPClient.Options) -> Void = { _ in }, _ body: @Loop (HTTPClient, String) async throws -> Void
  ) async throws {
    let server = try serve()
    var options = HTTPClient.Options()
    change(&options)
    let client = HTTPClient(options)
    defer {
      client.close()
      server.stop()
    }
    try await body(client, "http://\(server.address)")
  }

  private func text(_ response: HTTPClient.Response) -> String { String(decoding: response.body, as: UTF8.self) }

  @Test @Loop func `every method is asked with its body and answered`() async throws {
    try await with { client, url in
      let get = try await client.send(.init("GET", url + "/"))
      #expect((get.status, text(get), get["content-type"]) == (200, "GET ", "text/plain"))
      for method in ["POST", "PUT", "PATCH", "DELETE"] {
        let response = try await client.send(
          .init(method, url + "/", headers: [("X-Empty", "")], body: Array("a\0b".utf8)))
        #expect(text(response) == "\(method) a\0b")
      }
      #expect(text(try await client.send(.init("POST", url + "/", body: []))) == "POST ")
      #expect(try await client.send(.init("HEAD", url + "/")).body == [])
      #expect(try await client.send(.init("GET", url + "/teapot")).status == 418)
    }
  }

  @Test @Loop func `many requests at once share few connections`() async throws {
    let server = try serve()
    var options = HTTPClient.Options()
    options.connectionsPerHost = 3
    let client = HTTPClient(options)
    let tasks = (0..<200).map { number in
      Task { @Loop in try await client.send(.init("POST", "http://\(server.address)/", body: Array("\(number)".utf8))) }
    }
    for (number, task) in tasks.enumerated() { #expect(text(try await task.value) == "POST \(number)") }
    #expect(server.connectionCount <= 3)
    client.close()
    server.stop()
  }

  @Test @Loop func `silence ends at the time limit, and by cancelling`() async throws {
    try await with { client, url in
      let slow = await #expect(throws: CurlError.self) {
        try await client.send(.init("GET", url + "/silent", timeout: .milliseconds(100)))
      }
      #expect(slow?.kind == .interrupted)
      let task = Task { @Loop in try await client.send(.init("GET", url + "/silent")) }
      try await Loop.sleep(for: .milliseconds(50))
      task.cancel()
      await #expect(throws: CancellationError.self) { try await task.value }
      #expect(text(try await client.send(.init("GET", url + "/"))) == "GET ")
    }
  }

  @Test @Loop func `an answer beyond the limit is refused, one at the limit is not`() async throws {
    try await with {
      $0.responseLimit = 99_999
    } _: { client, url in
      let error = await #expect(throws: CurlError.self) { try await client.send(.init("GET", url + "/large")) }
      #expect((error?.kind, error?.status) == (.tooLarge, 200))
    }
    try await with {
      $0.responseLimit = 100_000
    } _: { client, url in
      let response = try await client.send(.init("GET", url + "/large"))
      #expect(response.body.count == 100_000)
    }
  }

  @Test @Loop func `where nobody listens nothing was sent`() async throws {
    let listener = try Listener(on: .anyLoopbackPort) { $0.close() }
    let address = listener.address
    listener.close()
    let client = HTTPClient()
    defer { client.close() }
    let error = await #expect(throws: CurlError.self) { try await client.send(.init("GET", "http://\(address)/")) }
    #expect(error?.kind == .unreachable)
  }

  @Test(arguments: [
    "ftp://127.0.0.1/", "file:///etc/passwd", "gopher://127.0.0.1/", "not a url", "http://x/\r\nHost: y", "",
  ])
  @Loop func `only HTTP is spoken`(url: String) async throws {
    let client = HTTPClient()
    defer { client.close() }
    let error = await #expect(throws: CurlError.self) { try await client.send(.init("GET", url)) }
    #expect(error?.kind == .invalid)
  }

  @Test @Loop func `nothing can be smuggled through a header or a method`() async throws {
    try await with { client, url in
      for request in [
        HTTPClient.Request("GET", url + "/", headers: [("X", "a\r\nY: b")]),
        HTTPClient.Request("GET", url + "/", headers: [("X\r\nY", "a")]),
        HTTPClient.Request("GET / HTTP/1.1\r\nX: y\r\n", url + "/"),
      ] {
        let error = await #expect(throws: CurlError.self) { try await client.send(request) }
        #expect(error?.kind == .invalid)
      }
    }
  }

  @Test @Loop func `too many requests are refused, and closing ends those under way`() async throws {
    try await with {
      $0.requests = 2
    } _: { client, url in
      let tasks = (0..<2).map { _ in Task { @Loop in try await client.send(.init("GET", url + "/silent")) } }
      try await Loop.sleep(for: .milliseconds(20))
      let error = await #expect(throws: CurlError.self) { try await client.send(.init("GET", url + "/")) }
      #expect(error?.kind == .overloaded)
      client.close()
      for task in tasks { await #expect(throws: CurlError.self) { try await task.value } }
    }
  }
}
