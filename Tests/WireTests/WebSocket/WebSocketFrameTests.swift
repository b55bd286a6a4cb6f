import Testing

@testable import Wire

@Suite struct WebSocketFrameTests {
  @Test func `the unmasked examples of RFC 6455 5_7 are written`() {
    #expect(WebSocketFrame(text: "Hello").bytes == [0x81, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F])
    #expect(WebSocketFrame(pong: Array("Hello".utf8)).bytes == [0x8A, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F])
    let small = [UInt8](repeating: 7, count: 256)
    #expect(WebSocketFrame(binary: small).bytes == [0x82, 0x7E, 0x01, 0x00] + small)
    let large = [UInt8](repeating: 7, count: 65_536)
    #expect(WebSocketFrame(binary: large).bytes == [0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0] + large)
    #expect(WebSocketFrame.ping.bytes == [0x89, 0])
  }

  @Test func `each length takes its shortest form`() {
    let lengths: [(Int, [UInt8])] = [
      (0, [0]), (125, [125]), (126, [126, 0, 126]), (65_535, [126, 0xFF, 0xFF]),
      (65_537, [127, 0, 0, 0, 0, 0, 1, 0, 1]),
    ]
    for (count, form) in lengths {
      let frame = WebSocketFrame(binary: [UInt8](repeating: 0, count: count))
      #expect(frame.bytes.count == 1 + form.count + count)
      #expect(Array(frame.bytes[1..<1 + form.count]) == form)
    }
  }

  @Test func `a Close frame carries its code and as much of the reason as fits, cut between characters`() {
    #expect(WebSocketFrame(WebSocketClose(.noStatus)).bytes == [0x88, 0])
    #expect(WebSocketFrame(WebSocketClose(.normal, reason: "ok")).bytes == [0x88, 4, 3, 0xE8, 0x6F, 0x6B])
    let frame = WebSocketFrame(WebSocketClose(.normal, reason: String(repeating: "x", count: 121) + "éa"))
    #expect(frame.bytes.count == 2 + 125)
    let cut = WebSocketFrame(WebSocketClose(.normal, reason: String(repeating: "x", count: 122) + "éa"))
    #expect(cut.bytes.count == 2 + 124)
    #expect(cut.bytes.last == UInt8(ascii: "x"))
  }

  @Test func `every violation can be told in a Close frame`() {
    for violation in WebSocketViolation.allCases {
      #expect(WebSocketClose(violation).code.mayBeSent)
      #expect(WebSocketClose(violation).reason.utf8.count <= 123)
    }
  }
}
