import Testing
import Wire

@Suite struct EngineIOTests {
  /// The packets of a body as text, or why it is refused.
  private func read(_ body: String) -> String {
    read(Array(body.utf8))
  }

  private func read(_ body: [UInt8]) -> String {
    do throws(EngineIOError) {
      return try EngineIOPayload.packets(in: body)
        .map { "\($0.kind) [\(String(decoding: $0.data, as: UTF8.self))]" }.joined(separator: " ")
    } catch {
      return error.rawValue
    }
  }

  @Test func `the packets of the protocol's document are read`() {
    #expect(read("4hello") == "message [hello]")
    #expect(read("4hello\u{1e}2\u{1e}4world") == "message [hello] ping [] message [world]")
    #expect(read("2probe") == "ping [probe]")
    #expect(read("3probe\u{1e}5\u{1e}6\u{1e}1") == "pong [probe] upgrade [] noop [] close []")
    #expect(read("4€4\n4") == "message [€4\n4]")
    #expect(read("4") == "message []")
  }

  @Test func `what is no packet, or more than there may be, refuses the whole body`() {
    #expect(read("") == "a packet without a type")
    #expect(read("4a\u{1e}") == "a packet without a type")
    #expect(read("\u{1e}4a") == "a packet without a type")
    #expect(read("4a\u{1e}7") == "a packet of an unknown type")
    #expect(read("hello") == "a packet of an unknown type")
    #expect(read("1x") == "data behind a packet that has none")
    #expect(read("5probe") == "data behind a packet that has none")
    #expect(read("4a\u{1e}bAQID") == "binary messages are not taken")
    #expect(read([0x34, 0xFF]) == "a payload that is not UTF-8")
    #expect(read([0x34, 0xE2, 0x82]) == "a payload that is not UTF-8")
    let most = Array(repeating: "4a", count: EngineIOPayload.packetLimit).joined(separator: "\u{1e}")
    #expect(read(most) == Array(repeating: "message [a]", count: 16).joined(separator: " "))
    #expect(read(most + "\u{1e}4a") == "too many packets in one payload")
  }

  @Test func `a body holds its packets with a record separator between them`() {
    let body = EngineIOPayload.body(of: [Array("40".utf8), EngineIOPacket(.ping).text])
    #expect(String(decoding: body, as: UTF8.self) == "40\u{1e}2")
    #expect(EngineIOPacket(.pong, EngineIOPacket.probe[...]).text == Array("3probe".utf8))
  }

  @Test func `the handshake says times in milliseconds`() {
    var handshake = EngineIOHandshake(
      session: "lv_VI97HAXpY6yYWAAAC", mayUpgrade: true, pingInterval: .seconds(25), pingTimeout: .seconds(20),
      maximumPayload: 1_000_000)
    #expect(
      String(decoding: handshake.text, as: UTF8.self)
        == #"0{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#
    )
    handshake.mayUpgrade = false
    handshake.pingInterval = .milliseconds(300)
    #expect(String(decoding: handshake.text, as: UTF8.self).contains(#""upgrades":[],"pingInterval":300,"#))
  }
}
