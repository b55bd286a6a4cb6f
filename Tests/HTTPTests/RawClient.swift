import EventLoop
import HTTP
import Testing
import Wire

/// A client that sends exactly what a test says and keeps what comes back.
@Loop final class RawClient: SocketDelegate {
  let socket: Socket
  private(set) var bytes: [UInt8] = []
  private(set) var isEnded = false
  private(set) var isClosed = false
  private(set) var reason: SocketError?

  convenience init(_ server: HTTPServer) async throws { try await self.init(server.address) }

  init(_ address: SocketAddress) async throws {
    socket = try await Socket.connect(to: address)
    socket.delegate = self
    socket.outputLimit = .max
  }

  func received(_ bytes: UnsafeMutableRawBufferPointer, on socket: Socket) { self.bytes.append(contentsOf: bytes) }

  func ended(_ socket: Socket) { isEnded = true }

  func closed(_ socket: Socket, reason: SocketError?) {
    isClosed = true
    self.reason = reason
  }

  func send(_ text: String) { socket.send(Array(text.utf8)) }

  /// What has come so far, with the date taken out.
  var text: String {
    String(decoding: bytes, as: UTF8.self).replacing(/\r\nDate: [A-Za-z0-9:, ]{29}\r\n/, with: "\r\n")
  }

  /// Everything until the server ends its half.
  func whole() async throws -> String {
    try await eventually { self.isEnded || self.isClosed }
    return text
  }

  /// What has come as soon as it ends in `end`.
  func text(endingIn end: String) async throws -> String {
    try await eventually { self.bytes.suffix(end.utf8.count).elementsEqual(end.utf8) || self.isEnded || self.isClosed }
    let text = text
    try #require(text.hasSuffix(end), "got \(text.debugDescription)")
    return text
  }

  func forget() { bytes = [] }
}

/// Waits until `condition` holds; ten seconds are for hangs only.
@Loop func eventually(_ condition: () -> Bool) async throws {
  for _ in 0..<5000 where !condition() { try await Loop.sleep(for: .milliseconds(2)) }
  try #require(condition(), "gave up after 10 s")
}

/// Runs `body` with a server of callbacks, and a client of it; the server is stopped in the end.
@Loop func serving(
  _ limits: HTTPServer.Limits = .init(), _ handler: @escaping HTTPServer.Handler,
  _ body: @Loop (HTTPServer) async throws -> Void
) async throws {
  let server = try HTTPServer(on: .anyLoopbackPort, limits: limits, handler: handler)
  defer { server.stop() }
  try await body(server)
}

extension HTTPResponse {
  /// A plain text, for tests.
  static func text(_ text: String) -> HTTPResponse { HTTPResponse(type: "text/plain", bytes: Array(text.utf8)) }
}

/// The transcript of a 200 with `text`.
func ok(_ text: String, close: Bool = false) -> String {
  "HTTP/1.1 200 OK\r\nContent-Length: \(text.utf8.count)\r\n" + (close ? "Connection: close\r\n" : "")
    + "Content-Type: text/plain\r\n\r\n\(text)"
}
