import TestKit
import Testing

@testable import Wire

/// The client's side of WebSocket: how it opens, what it sends, what it takes.
@Suite struct WebSocketClientSideTests {
  private let nonce = Array("the sample nonce".utf8)
  private let answer = """
    HTTP/1.1 101 Switching Protocols\r
    upgrade: websocket\r
    Connection: Upgrade\r
    SEC-WebSocket-Accept:  s3pPLMBiTxaQ9kYGzzhZRbK+xOo= \r
    \r\n
    """

  private func heard(_ bytes: [UInt8]) throws(WebSocketViolation) -> [WebSocketMachine.Event] {
    var machine = WebSocketMachine(messageLimit: 1 << 20, peer: .server)
    var events: [WebSocketMachine.Event] = []
    var violation: WebSocketViolation?
    bytes.withUnsafeBytes { bytes in
      var input = bytes
      do throws(WebSocketViolation) {
        while let event = try machine.next(&input) { events.append(event) }
      } catch {
        violation = error
      }
    }
    if let violation { throw violation }
    return events
  }

  @Test func `the example of RFC 6455 1_3 is asked for and its answer accepted, however it arrives`() throws {
    let opening = WebSocketOpening(
      host: "server.example.com", path: "/chat", headers: [("origin", "x")], nonce: nonce)
    #expect(
      String(decoding: opening.request, as: UTF8.self) == """
        GET /chat HTTP/1.1\r
        Host: server.example.com\r
        Connection: Upgrade\r
        Upgrade: websocket\r
        Sec-WebSocket-Version: 13\r
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
        origin: x\r
        \r\n
        """)
    let bytes = Array(answer.utf8)
    for count in 0..<bytes.count { #expect(try opening.accept(Array(bytes[..<count])) == nil) }
    #expect(try opening.accept(bytes + [0x81, 0]) == bytes.count)
  }

  @Test func `a server that refuses, proves nothing or goes on and on opens no WebSocket`() {
    let opening = WebSocketOpening(host: "x", path: "/", nonce: nonce)
    func problem(_ text: String) -> String? {
      do throws(WebSocketOpeningError) {
        _ = try opening.accept(Array(text.utf8))
        return nil
      } catch {
        return error.description
      }
    }
    #expect(problem("HTTP/1.1 503 Busy\r\nA: b\r\n\r\n") == "the answer is HTTP/1.1 503 Busy")
    #expect(
      problem(answer.replacing("s3pP", with: "s3pX")) == "the server has not proven that it speaks WebSocket")
    #expect(
      problem("HTTP/1.1 101 Fine\r\nA: b\r\n\r\n") == "the server has not proven that it speaks WebSocket")
    #expect(problem(String(repeating: "x", count: 20_000)) == "the answer's head is too long")
  }

  @Test func `the masked example of RFC 6455 5_7 is written, and every length as tests write it`() {
    let hello = WebSocketFrame(text: "Hello").bytes(maskedWith: 0x37FA_213D)
    #expect(hello == [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58])
    for count in [0, 1, 125, 126, 65_535, 65_536, 70_001] {
      let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
      #expect(
        WebSocketFrame(binary: payload).bytes(maskedWith: 0x37FA_213D)
          == ClientFrame(first: 0x82, payload: payload).bytes)
    }
  }

  @Test func `what a server sends is understood, and must not be masked`() throws {
    let large = [UInt8](repeating: 7, count: 70_000)
    let bytes =
      WebSocketFrame(text: "").bytes + WebSocketFrame(text: "Hello").bytes + WebSocketFrame.ping.bytes
      + WebSocketFrame(binary: large).bytes + WebSocketFrame(WebSocketClose(.normal, reason: "bye")).bytes
    #expect(
      try heard(bytes) == [
        .text([]), .text(Array("Hello".utf8)), .ping([]), .binary(large),
        .close(WebSocketClose(.normal, reason: "bye")),
      ])
    #expect(throws: WebSocketViolation.masked) { try heard(ClientFrame.text("Hello").bytes) }
  }
}
