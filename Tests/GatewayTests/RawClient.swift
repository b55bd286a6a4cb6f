import EventLoop
import Testing

/// A client that sends exactly what a test says, and reads one answer after the other.
@Loop final class RawClient: SocketDelegate {
  /// An answer, taken apart.
  struct Answer {
    let status: Int
    /// By name in lower case; of equal names the last.
    let headers: [String: String]
    let body: String
  }

  private let socket: Socket
  private var bytes: [UInt8] = []
  private var searched = 0
  private(set) var isEnded = false

  init(_ address: SocketAddress) async throws {
    socket = try await Socket.connect(to: address)
    socket.delegate = self
  }

  func received(_ bytes: UnsafeMutableRawBufferPointer, on socket: Socket) { self.bytes.append(contentsOf: bytes) }
  func ended(_ socket: Socket) { isEnded = true }
  func closed(_ socket: Socket, reason: SocketError?) { isEnded = true }

  func send(_ text: String) { socket.send(Array(text.utf8)) }
  func send(_ bytes: [UInt8]) { socket.send(bytes) }
  func close() { socket.close() }

  /// Sends a request with `Host` and the length of `body`, and returns the answer.
  func ask(
    _ method: String, _ path: String, _ headers: [String: String] = [:], body: String? = nil
  ) async throws -> Answer {
    var text = "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\n"
    for (name, value) in headers { text += "\(name): \(value)\r\n" }
    if let body {
      if headers["Content-Type"] == nil { text += "Content-Type: application/json\r\n" }
      text += "Content-Length: \(body.utf8.count)\r\n"
    }
    send(text + "\r\n" + (body ?? ""))
    return try await answer(hasBody: method != "HEAD")
  }

  /// Where the first answer's head ends, behind its empty line. Looks at each byte once.
  private func findHeadEnd() -> Int? {
    while searched + 4 <= bytes.count {
      if bytes[searched] == 13, bytes[searched + 1] == 10, bytes[searched + 2] == 13, bytes[searched + 3] == 10 {
        return searched + 4
      }
      searched += 1
    }
    return nil
  }

  /// The next answer.
  func answer(hasBody: Bool = true) async throws -> Answer {
    try await eventually { self.findHeadEnd() != nil || self.isEnded }
    let end = try #require(findHeadEnd(), "the connection ended: \(String(decoding: bytes, as: UTF8.self))")
    let lines = String(decoding: bytes[..<(end - 4)], as: UTF8.self).split(separator: "\r\n")
    let headers = Dictionary(
      lines.dropFirst().map { line in
        let colon = line.firstIndex(of: ":") ?? line.endIndex
        return (line[..<colon].lowercased(), String(line[colon...].dropFirst(2)))
      }, uniquingKeysWith: { $1 })
    let status = try #require(Int(lines[0].dropFirst(9).prefix(3)))
    let length = hasBody ? Int(headers["content-length"] ?? "0") ?? 0 : 0
    try await eventually { self.bytes.count >= end + length || self.isEnded }
    let body = String(decoding: bytes[end...].prefix(length), as: UTF8.self)
    bytes.removeFirst(min(bytes.count, end + length))
    searched = 0
    return Answer(status: status, headers: headers, body: body)
  }

  /// The next message on a WebSocket, as text.
  func message() async throws -> String {
    let frame = try await frame()
    try #require(frame.opcode == 1, "a frame of opcode \(frame.opcode) came")
    return String(decoding: frame.payload, as: UTF8.self)
  }

  /// The code of the Close frame that comes next.
  func closeCode() async throws -> Int {
    let frame = try await frame()
    try #require(frame.opcode == 8 && frame.payload.count >= 2, "a frame of opcode \(frame.opcode) came")
    return Int(frame.payload[0]) << 8 | Int(frame.payload[1])
  }

  /// The next frame of a server.
  private func frame() async throws -> (opcode: Int, payload: [UInt8]) {
    func size() -> (head: Int, payload: Int)? {
      guard bytes.count >= 2 else { return nil }
      let short = Int(bytes[1])
      guard short >= 126 else { return (2, short) }
      let extended = short == 126 ? 2 : 8
      guard bytes.count >= 2 + extended else { return nil }
      return (2 + extended, bytes[2..<2 + extended].reduce(0) { $0 << 8 | Int($1) })
    }
    try await eventually { size().map { self.bytes.count >= $0.head + $0.payload } == true || self.isEnded }
    let length = try #require(size(), "the connection ended")
    try #require(bytes.count >= length.head + length.payload, "the connection ended amid a frame")
    let (opcode, payload) = (Int(bytes[0] & 15), Array(bytes[length.head..<length.head + length.payload]))
    bytes.removeFirst(length.head + length.payload)
    return (opcode, payload)
  }
}

/// Waits until `condition` holds; ten seconds are for hangs only.
@Loop func eventually(_ condition: @Loop () -> Bool) async throws {
  for _ in 0..<5000 where !condition() { try await Loop.sleep(for: .milliseconds(2)) }
  try #require(condition(), "gave up after 10 s")
}
