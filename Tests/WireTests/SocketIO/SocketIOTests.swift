import TestKit
import Testing
import Wire

@Suite struct SocketIOTests {
  /// A packet in words, or why it is refused.
  private func read(_ text: String) -> String {
    do throws(SocketIOError) {
      switch try SocketIOPacket(Array(text.utf8)[...]) {
      case .connect(let namespace, let auth):
        return "connect \(namespace) \(auth.map { $0["token"]?.string ?? "no token" } ?? "nothing")"
      case .disconnect(let namespace): return "disconnect \(namespace)"
      case .event(let event):
        let number = event.number.map { " #\($0)" } ?? ""
        return "event \(event.namespace) \(event.name) \(event.arguments.count)\(number)"
      case .ack(let namespace, let number, let arguments): return "ack \(namespace) \(arguments.count) #\(number)"
      }
    } catch {
      return "\(error)"
    }
  }

  @Test func `the packets of the protocol's document are read`() {
    #expect(read("0") == "connect / nothing")
    #expect(read(#"0{"token":"123"}"#) == "connect / 123")
    #expect(read("0/admin,") == "connect /admin nothing")
    #expect(read(#"0/admin,{"token":"123"}"#) == "connect /admin 123")
    #expect(read("1") == "disconnect /")
    #expect(read("1/admin,") == "disconnect /admin")
    #expect(read("1/admin") == "disconnect /admin")
    #expect(read(#"2["foo"]"#) == "event / foo 0")
    #expect(read(#"2/admin,["bar",1,{"a":[]}]"#) == "event /admin bar 2")
    #expect(read(#"212["foo",null]"#) == "event / foo 1 #12")
    #expect(read(#"2/admin,456["x"]"#) == "event /admin x 0 #456")
    #expect(read("312[]") == "ack / 0 #12")
    #expect(read(#"3/admin,13["bar"]"#) == "ack /admin 1 #13")
    #expect(read(#"2999999999999999["x"]"#) == "event / x 0 #999999999999999")
  }

  @Test func `what is no packet of a client is refused`() {
    #expect(read("") == "a packet without a type")
    #expect(read("7") == "a packet of an unknown type")
    #expect(read(#"x["a"]"#) == "a packet of an unknown type")
    #expect(read(#"4{"message":"x"}"#) == "a packet that only servers send")
    #expect(read(#"51-["a",{"_placeholder":true,"num":0}]"#) == "binary data is not taken here")
    #expect(read(#"61-1[{"_placeholder":true,"num":0}]"#) == "binary data is not taken here")
    #expect(read("0/" + String(repeating: "n", count: 200)) == "a namespace of more than 128 bytes")
    let number = "an acknowledgement number that is missing, out of place or too long"
    #expect(read(#"21234567890123456["a"]"#) == number)
    #expect(read("01{}") == number)
    #expect(read("11") == number)
    #expect(read(#"3["a"]"#) == number)
    let data = "data of another form than the packet's type calls for"
    #expect(read("0[]") == data)
    #expect(read(#"0"token""#) == data)
    #expect(read("1[]") == data)
    #expect(read("2") == data)
    #expect(read("2[]") == data)
    #expect(read(#"2{"a":1}"#) == data)
    #expect(read("31") == data)
    #expect(read("31{}") == data)
  }

  @Test func `events need a name that is not reserved`() {
    let refusal = "an event's name must be a text of 1 to 128 bytes that is not reserved"
    for name in [
      "1", "null", "[]", #""""#, #""connect""#, #""disconnect""#, "\"\(String(repeating: "x", count: 129))\"",
    ] {
      #expect(read("2[\(name)]") == refusal, "\(name)")
    }
    #expect(read("2[\"\(String(repeating: "x", count: 128))\"]").hasPrefix("event / xxx"))
  }

  @Test func `JSON is read strictly`() {
    #expect(read(#"2["a",]"#).hasPrefix("not valid JSON at byte"))
    #expect(read(#"2["a"] "#) == "event / a 0")
    #expect(read(#"2["a"]x"#).hasPrefix("not valid JSON at byte"))
    #expect(read(#"0{"token":"a","token":"b"}"#).hasSuffix("two members of one object have the same name"))
    #expect(read("2" + String(repeating: "[", count: 1000)).hasSuffix("more than 64 values lie in one another"))
  }

  @Test func `what a server says is written around JSON that is there`() {
    func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
    #expect(text(SocketIOMessage.connected(session: "abc")) == #"40{"sid":"abc"}"#)
    #expect(text(SocketIOMessage.connected(session: "abc", recovery: "p")) == #"40{"sid":"abc","pid":"p"}"#)
    #expect(
      text(SocketIOMessage.connectError(namespace: "/", message: "No \"way\"", code: "no"))
        == #"44{"message":"No \"way\"","data":{"code":"no"}}"#)
    #expect(
      text(SocketIOMessage.connectError(namespace: "/chat", message: "Invalid namespace", code: "invalid_namespace"))
        == #"44/chat,{"message":"Invalid namespace","data":{"code":"invalid_namespace"}}"#)
    #expect(text(SocketIOMessage.disconnect) == "41")
    #expect(text(SocketIOMessage.event("message.sent", Array(#"{"a":1}"#.utf8))) == #"42["message.sent",{"a":1}]"#)
    #expect(text(SocketIOMessage.event("a\"b", Array("1".utf8), Array("2".utf8))) == #"42["a\"b",1,2]"#)
    #expect(text(SocketIOMessage.ack(7, Array(#"{"ok":true}"#.utf8))) == #"437[{"ok":true}]"#)
  }

  @Test func `random packets are read or refused, and never trap`() {
    var random = SeededRandom.fromEnvironment()
    var (read, refused) = (0, 0)
    let pieces = [
      "0", "1", "2", "3", "42", "/a,", "/", ",", "12", "[", "]", "{", "}", "\"", "a", "\"a\"", ":", "\u{1e}", "é",
    ]
    for _ in 0..<20_000 {
      let text = (0..<Int.random(in: 0...9, using: &random)).map { _ in pieces.randomElement(using: &random)! }.joined()
      if (try? SocketIOPacket(Array(text.utf8)[...])) == nil { refused += 1 } else { read += 1 }
      _ = try? EngineIOPayload.packets(in: Array(text.utf8))
    }
    #expect(read > 100 && refused > 100)
  }
}
