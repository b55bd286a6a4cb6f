import Testing

@testable import Wire

@Suite struct WebSocketHandshakeTests {
  private static let good = [
    "Host: server.example.com", "Upgrade: websocket", "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13",
  ]

  private func request(_ lines: [String], method: String = "GET", version: String = "1.1") throws -> HTTPRequestHead {
    try head("\(method) /chat HTTP/\(version)\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n")
  }

  private func answer(_ head: HTTPRequestHead, speaking subprotocols: [String] = []) throws -> String {
    var bytes: [UInt8] = []
    try WebSocketHandshake.accept(head, subprotocols: subprotocols)
      .encode(to: &bytes, length: .none, connection: .upgrade, date: Array("now".utf8))
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test func `the example of RFC 6455 1_3 is accepted with its proof`() throws {
    #expect(
      try answer(request(Self.good)) == """
        HTTP/1.1 101 Switching Protocols\r
        Date: now\r
        Connection: Upgrade\r
        Upgrade: websocket\r
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r
        \r\n
        """)
  }

  @Test func `browsers' spellings are accepted`() throws {
    let lines = Self.good.map {
      $0 == "Connection: Upgrade" ? "Connection: keep-alive, upgrade" : $0.replacing("websocket", with: "WebSocket")
    }
    #expect(throws: Never.self) { try answer(request(lines)) }
  }

  @Test func `the client's first subprotocol that is spoken here is agreed on`() throws {
    let head = try request(Self.good + ["Sec-WebSocket-Protocol: mqtt, b", "Sec-WebSocket-Protocol: a"])
    #expect(try answer(head, speaking: ["a", "b"]).contains("Sec-WebSocket-Protocol: b\r\n"))
    #expect(try !answer(head, speaking: ["c"]).contains("Sec-WebSocket-Protocol"))
    #expect(try !answer(head).contains("Sec-WebSocket-Protocol"))
  }

  @Test func `what opens no WebSocket is refused, saying what would`() throws {
    func refusal(_ lines: [String], method: String = "GET", version: String = "1.1") throws -> WebSocketRefusal? {
      let head = try request(lines, method: method, version: version)
      do {
        _ = try WebSocketHandshake.accept(head)
        return nil
      } catch {
        return error
      }
    }
    func good(replacing name: String, with lines: String...) -> [String] {
      Self.good.filter { !$0.hasPrefix(name) } + lines
    }
    #expect(try refusal(Self.good, method: "POST") == .upgradeRequired)
    #expect(try refusal(Self.good, version: "1.0") == .upgradeRequired)
    #expect(try refusal(good(replacing: "Upgrade")) == .upgradeRequired)
    #expect(try refusal(good(replacing: "Upgrade", with: "Upgrade: h2c")) == .upgradeRequired)
    #expect(try refusal(good(replacing: "Connection")) == .upgradeRequired)
    #expect(try refusal(good(replacing: "Sec-WebSocket-Version")) == .unsupportedVersion)
    #expect(
      try refusal(good(replacing: "Sec-WebSocket-Version", with: "Sec-WebSocket-Version: 8")) == .unsupportedVersion)
    for key in [
      "", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ===", "dGhlIHNhbXBsZSBub25jZ!==", "dGhlIHNhbXBsZSBub25jZQ=A",
    ] {
      #expect(try refusal(good(replacing: "Sec-WebSocket-Key", with: "Sec-WebSocket-Key: \(key)")) == .malformedKey)
    }
    #expect(try refusal(good(replacing: "Sec-WebSocket-Key")) == .malformedKey)
    #expect(try refusal(Self.good + ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]) == .malformedKey)
  }

  @Test func `a refusal of the version names the one that is spoken`() {
    var bytes: [UInt8] = []
    var head = HTTPResponseHead(status: WebSocketRefusal.unsupportedVersion.status)
    WebSocketRefusal.unsupportedVersion.addHeaders(to: &head)
    head.encode(to: &bytes, length: .fixed(0), connection: .implied, date: [])
    #expect(String(decoding: bytes, as: UTF8.self).contains("Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"))
  }
}

@Suite struct SHA1Tests {
  @Test(arguments: [
    ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
    ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
    ("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "84983e441c3bd26ebaae4aa1f95129e5e54670f1"),
    (String(repeating: "a", count: 1000), "291e9a6c66994949b57ba5e650361e98fc36b1ba"),
    (
      String(repeating: "01234567", count: 80), "dea356a2cddd90c7a7ecedc5ebb563934f460452"
    ),
  ])
  func `the vectors of RFC 3174 come out`(message: String, digest: String) {
    let hexadecimal = SHA1.hash(Array(message.utf8)).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    #expect(hexadecimal == digest)
  }

  @Test func `every length of padding is right`() {
    // The digest of all digests of 0 to 129 zero bytes, as Python's hashlib gives it.
    let digests = (0..<130).flatMap { SHA1.hash([UInt8](repeating: 0, count: $0)) }
    let hexadecimal = SHA1.hash(digests).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    #expect(hexadecimal == "7b0dc5b84f65f38a1278eb66390c7f2eedf82948")
  }
}
