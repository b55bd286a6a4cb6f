import TestKit
import Testing

@testable import Wire

@Suite struct WebSocketMachineTests {
  @Test func `the masked examples of RFC 6455 5_7 are understood`() {
    #expect(heardHoweverCut([0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58]) == ["text Hello"])
    #expect(heardHoweverCut([0x8A, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58]) == ["pong Hello"])
  }

  @Test func `messages of every length form come whole and unmasked`() {
    for count in [0, 1, 7, 8, 9, 125, 126, 127, 65_535, 65_536, 70_001] {
      let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
      for size in [1, 3, 4096, count + 20] {
        var machine = WebSocketMachine(messageLimit: 100_000)
        var events: [WebSocketMachine.Event] = []
        let bytes = stream(.binary(payload))
        for start in stride(from: 0, to: bytes.count, by: size) {
          bytes[start..<min(start + size, bytes.count)].withUnsafeBytes {
            var input = $0
            while let event = try? machine.next(&input) { events.append(event) }
          }
        }
        #expect(events == [.binary(payload)], "\(count) bytes in pieces of \(size)")
      }
    }
  }

  @Test func `fragments become one message, and control frames may come in between`() {
    let bytes = stream(
      .text("Hel", isFinal: false), .ping("are you there"), .more(""), .more("lo"), .pong(""),
      .more("!", isFinal: true),
      .text("next"))
    #expect(heardHoweverCut(bytes) == ["ping are you there", "pong ", "text Hello!", "text next"])
  }

  @Test func `a character may be cut between fragments, and a text must end with its last character`() {
    var (first, second) = (ClientFrame.text("", isFinal: false), ClientFrame.more("", isFinal: true))
    (first.payload, second.payload) = ([0xF0, 0x9F], [0x8E, 0x89])
    #expect(heardHoweverCut(stream(first, second)) == ["text 🎉"])
    second.payload = [0x8E]
    #expect(heardHoweverCut(stream(first, second)) == ["1007 a text that is not UTF-8"])
  }

  @Test(
    arguments: [
      [0x80], [0xC0, 0xAF], [0xC1, 0xBF], [0xE0, 0x9F, 0xBF], [0xED, 0xA0, 0x80], [0xF0, 0x8F, 0xBF, 0xBF],
      [0xF4, 0x90, 0x80, 0x80], [0xF5], [0xFF], [0x61, 0xE2, 0x82, 0x61], [0xCE, 0xBA, 0xCE],
    ] as [[UInt8]])
  func `a text that is not UTF-8 is refused`(payload: [UInt8]) {
    #expect(heardHoweverCut(stream(ClientFrame(first: 0x81, payload: payload))) == ["1007 a text that is not UTF-8"])
  }

  @Test func `a text is refused with the first byte that cannot be right, not at its end`() {
    var frame = ClientFrame.text("", isFinal: false)
    frame.payload = [0xF4, 0x90] + [UInt8](repeating: 0x80, count: 1000)
    #expect(heard(Array(frame.bytes.prefix(10))) == ["1007 a text that is not UTF-8"])
  }

  @Test func `what breaks the protocol is refused with 1002, whatever follows`() {
    var unmasked = ClientFrame.text("Hello")
    unmasked.mask = nil
    let unterminated = ClientFrame.text("a", isFinal: false)
    let long = [UInt8](repeating: 0x61, count: 126)
    let cases: [(String, [UInt8])] = [
      ("reserved bits are set, but no extension was agreed on", stream(ClientFrame(first: 0xC1, payload: []))),
      ("reserved bits are set, but no extension was agreed on", stream(ClientFrame(first: 0x91, payload: []))),
      ("unknown opcode", stream(ClientFrame(first: 0x83, payload: []))),
      ("unknown opcode", stream(ClientFrame(first: 0x8B, payload: []))),
      ("frames from a client must be masked", stream(unmasked)),
      ("a control frame is fragmented", stream(ClientFrame(first: 0x09, payload: []))),
      ("a control frame holds more than 125 bytes", stream(ClientFrame(first: 0x89, payload: long))),
      (
        "a length is not in its shortest form",
        stream(ClientFrame(first: 0x82, payload: [1, 2, 3], length: [126, 0, 3]))
      ),
      (
        "a length is not in its shortest form",
        stream(ClientFrame(first: 0x82, payload: long, length: [127, 0, 0, 0, 0, 0, 0, 0, 126]))
      ),
      (
        "a length has more than 63 bits",
        stream(ClientFrame(first: 0x82, payload: [], length: [127, 0x80, 0, 0, 0, 0, 0, 0, 0]))
      ),
      ("a continuation without a message before it", stream(.more("x"))),
      ("a new message before the last one was complete", stream(unterminated, .text("b"))),
      ("a Close frame with one byte", stream(.close([3]))),
      ("a close code that may not be sent", stream(.close(1005))),
    ]
    for (reason, bytes) in cases {
      #expect(heardHoweverCut(bytes + stream(.text("too late"), .close(1000))) == ["1002 \(reason)"])
    }
    #expect(
      heardHoweverCut(stream(ClientFrame(first: 0x88, payload: [3, 0xE8, 0xFF]))) == ["1007 a text that is not UTF-8"])
  }

  @Test func `exactly the registered and free close codes may be sent`() {
    let allowed = (0...5100).filter { heard(stream(.close(UInt16($0)))) == ["close \($0) "] }
    #expect(allowed == Array(1000...1003) + Array(1007...1014) + Array(3000...4999))
    #expect(heard(stream(.close(65_535))) == ["1002 a close code that may not be sent"])
  }

  @Test func `the limit counts all fragments, holds at the head of a frame, and does not count control frames`() {
    #expect(heardHoweverCut(stream(.text("12345678")), messageLimit: 8) == ["text 12345678"])
    #expect(
      heardHoweverCut(stream(.text("1234", isFinal: false), .more("5678"), .ping("123456789")), messageLimit: 8)
        == ["ping 123456789"])
    let refused = ["1009 the message is larger than allowed"]
    #expect(heardHoweverCut(stream(.text("123456789")), messageLimit: 8) == refused)
    #expect(heardHoweverCut(stream(.text("1234", isFinal: false), .more("56789")), messageLimit: 8) == refused)
    #expect(heard([0x82, 0xFF, 0x7F, 255, 255, 255, 255, 255, 255, 255], messageLimit: 8) == refused)
  }

  @Test func `a close is reported with code and reason, and nothing after it`() {
    #expect(heardHoweverCut(stream(.close([]), .text("x"))) == ["close 1005 "])
    #expect(heardHoweverCut(stream(.close(4321, "bye, 名前"), .ping("x"))) == ["close 4321 bye, 名前"])
  }

  @Test func `our close is made once, and then only the client's own counts`() throws {
    var machine = WebSocketMachine(messageLimit: 100)
    #expect(machine.close(WebSocketClose(.goingAway))?.bytes == [0x88, 2, 3, 0xE9])
    #expect(machine.close(WebSocketClose(.normal)) == nil)
    let bytes = stream(.text("late"), .ping(""), .close(1001))
    try bytes.withUnsafeBytes { bytes throws in
      var input = bytes
      let event = try machine.next(&input)
      #expect(event == .close(WebSocketClose(.goingAway)))
      #expect(machine.isOver && input.isEmpty)
    }
  }

  @Test func `an idle connection holds one small value and no buffer`() throws {
    #expect(MemoryLayout<WebSocketMachine>.size <= 64)
    var machine = WebSocketMachine(messageLimit: 1 << 20)
    let bytes = stream(.text("a", isFinal: false), .ping("b"), .more("c", isFinal: true), .binary([1]))
    bytes.withUnsafeBytes {
      var input = $0
      while (try? machine.next(&input)) != nil {}
    }
    let held = Mirror(reflecting: machine).children.compactMap { ($0.value as? [UInt8])?.capacity }
    #expect(held == [0, 0])
  }

  @Test func `random bytes and broken frames never trap, and give the same however they are cut`() {
    var random = SeededRandom.fromEnvironment()
    for _ in 0..<3000 {
      var bytes: [UInt8] = []
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let payload = (0..<Int.random(in: 0...140, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random)
        }
        let first = UInt8.random(in: 0...255, using: &random) & (Bool.random(using: &random) ? 0x8F : 0xFF)
        bytes += ClientFrame(first: first, payload: payload).bytes
      }
      if Bool.random(using: &random), let index = bytes.indices.randomElement(using: &random) {
        bytes[index] = .random(in: 0...255, using: &random)
      }
      _ = heardHoweverCut(bytes, messageLimit: 200)
    }
  }
}
