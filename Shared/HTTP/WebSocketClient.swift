public import EventLoop
public import Wire

/// A client's WebSocket: what demonstrations and measurements speak to the gateway with. Messages are texts; pings are
/// answered.
@Loop public final class WebSocketClient: SocketDelegate {
  /// Takes a message.
  public typealias Hear = @Loop (_ text: [UInt8]) -> Void
  /// Told once that the connection is gone: by whose words, or `abnormal` when it was lost in silence.
  public typealias End = @Loop (WebSocketClose) -> Void

  private static let messageLimit = 1 << 20

  private let socket: Socket
  private let opening: WebSocketOpening
  private let opened = Promise<Void>()
  private var machine = WebSocketMachine(messageLimit: messageLimit, peer: .server)
  /// The head of the answer, as far as it has come; nil when messages go both ways.
  private var head: [UInt8]? = []
  private var farewell: WebSocketClose?
  private var hear: Hear?
  private var end: End?

  private init(_ socket: Socket, _ opening: WebSocketOpening, _ hear: @escaping Hear, _ end: @escaping End) {
    (self.socket, self.opening, self.hear, self.end) = (socket, opening, hear, end)
    socket.delegate = self
  }

  /// Connects and opens a WebSocket at `path`. Messages may be heard before this returns.
  ///
  /// Throws `SocketError`, and `WebSocketOpeningError` when the server opens none within `limit`.
  public static func connect(
    to address: SocketAddress, _ path: String, headers: [(name: String, value: String)] = [],
    within limit: Duration = .seconds(10), hear: @escaping Hear, end: @escaping End = { _ in }
  ) async throws -> WebSocketClient {
    var random = SystemRandomNumberGenerator()
    let nonce = (0..<16).map { _ in UInt8.random(in: 0...255, using: &random) }
    let opening = WebSocketOpening(host: "\(address)", path: path, headers: headers, nonce: nonce)
    let client = WebSocketClient(try await Socket.connect(to: address), opening, hear, end)
    client.socket.send(opening.request)
    let timer = Loop.schedule(after: limit) { client.socket.close() }
    defer { timer.cancel() }
    try await client.opened.value
    return client
  }

  /// Sends a message.
  public func send(_ text: [UInt8]) { send(WebSocketFrame(text: text)) }

  /// Says goodbye; the server closes the connection.
  public func close(_ code: WebSocketCloseCode = .normal) {
    let close = WebSocketClose(code)
    guard let frame = machine.close(close) else { return }
    farewell = farewell ?? close
    send(frame)
  }

  /// Cuts the connection, without a word.
  public func drop() { socket.close() }

  private func send(_ frame: WebSocketFrame) { socket.send(frame.bytes(maskedWith: .random(in: 0 ... .max))) }

  // MARK: In

  /// Called by the socket.
  public func received(_ bytes: UnsafeMutableRawBufferPointer, on socket: Socket) {
    guard head != nil else { return take(UnsafeRawBufferPointer(bytes)) }
    head?.append(contentsOf: bytes)
    do throws(WebSocketOpeningError) {
      guard let answer = head, let count = try opening.accept(answer) else { return }
      head = nil
      opened.fulfil(())
      answer[count...].withUnsafeBytes { take($0) }
    } catch {
      opened.fail(error)
      socket.close()
    }
  }

  private func take(_ bytes: UnsafeRawBufferPointer) {
    var input = bytes
    do throws(WebSocketViolation) {
      while let event = try machine.next(&input) {
        switch event {
        case .text(let text): hear?(text)
        case .ping(let payload): send(WebSocketFrame(pong: payload))
        case .binary, .pong: break
        case .close(let close):
          farewell = farewell ?? close
          if let frame = machine.close(WebSocketClose(close.code)) { send(frame) }
          socket.closeWhenDrained()
        }
      }
    } catch {
      if let frame = machine.close(WebSocketClose(error)) { send(frame) }
      socket.closeWhenDrained()
    }
  }

  /// Called by the socket.
  public func closed(_ socket: Socket, reason: SocketError?) {
    opened.fail(reason ?? WebSocketOpeningError("the connection was closed") as any Error)
    end?(farewell ?? WebSocketClose(.abnormal))
    (hear, end) = (nil, nil)
  }
}
