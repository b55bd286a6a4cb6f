import Testing
import TestKit
import Wire

@Suite struct HTTPFuzzTests {
  /// Whole connections, good and bad, to mutate.
  private static let corpus = [
    "GET /a?b=c HTTP/1.1\r\nHost: x.example:80\r\nAccept: */*\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\nhello worldGET / HTTP/1.0\r\n\r\n",
    "PUT /c HTTP/1.1\r\nHost: [::1]:8\r\nTransfer-Encoding: chunked\r\n\r\n5;e=f\r\nhello\r\n00\r\nA: b\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n\u{1}\u{2}",
    "GET http://x/%C3%A9?%2F HTTP/1.1\r\nHost: x\r\n\r\n",
  ].map { Array($0.utf8) }
  private static let pieces = [
    "\r\n", "\n", "\r", "\0", " ", "\t", ":", "0", "f", ";", ",", "Content-Length: 1\r\n",
    "Transfer-Encoding: chunked\r\n", "Host: y\r\n", "/../", "%",
    "#", "HTTP/1.0", "\r\n\r\n", "\u{7F}", "é", "-", "+", "ffffffffffffffff", "Connection: close\r\n",
  ].map { Array($0.utf8) }

  @Test func `however bytes are cut up, they are understood alike`() {
    var random = SeededRandom.fromEnvironment()
    for _ in 0..<20_000 {
      var bytes = Self.corpus.randomElement(using: &random)!
      for _ in 0..<Int.random(in: 0...4, using: &random) {
        let at = Int.random(in: 0...bytes.count, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: bytes.insert(contentsOf: Self.pieces.randomElement(using: &random)!, at: at)
        case 1: bytes.removeSubrange(at..<min(bytes.count, at + Int.random(in: 0...3, using: &random)))
        case 2: if at < bytes.count { bytes[at] = UInt8.random(in: 0...255, using: &random) }
        default: bytes.insert(contentsOf: bytes[at..<min(bytes.count, at + 20)], at: at)
        }
      }
      let whole = understood(bytes)
      let size = Int.random(in: 1...9, using: &random)
      #expect(understood(bytes, cutInto: 1) == whole, "\(bytes)")
      #expect(understood(bytes, cutInto: size) == whole, "\(bytes) in pieces of \(size)")
    }
  }

  @Test func `no target traps, and each decoded path is clean`() {
    var random = SeededRandom.fromEnvironment()
    let alphabet = Array("/.%2fFeE50cC?&=+aé\\ ~".utf8)
    for _ in 0..<50_000 {
      let target =
        "/"
        + String(
          decoding: (0..<Int.random(in: 0...12, using: &random)).map { _ in alphabet.randomElement(using: &random)! },
          as: UTF8.self)
      guard let parsed = try? RequestTarget(target) else { continue }
      for segment in parsed.segments {
        #expect(
          !segment.isEmpty && segment != "." && segment != ".." && !segment.contains("/") && !segment.contains("\0"),
          "\(target)")
      }
    }
  }
}
