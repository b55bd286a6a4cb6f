import EventLoop
import Wire

/// Whoever speaks a protocol in WebSocket messages.
@Loop public protocol WebSocketDelegate: AnyObject {
  /// A message has arrived.
  func received(_ message: WebSocketMessage, on connection: WebSocketConnection)

  /// The connection is gone; nothing will be called any more. Of both sides' words, `close` is what was said first;
  /// `abnormal` when the connection was lost in silence.
  func closed(_ connection: WebSocketConnection, _ close: WebSocketClose)
}

/// What a client sent in one piece.
public enum WebSocketMessage: Hashable, Sendable {
  /// Text, checked to be UTF-8.
  case text([UInt8])
  /// Bytes.
  case binary([UInt8])
}

/// One client's WebSocket. `WebSockets` opens it, pings it, and closes it when it is dead or too slow.
///
/// An idle connection holds a few hundred bytes and no buffer. Sending never waits: what the client does not take is
/// queued up to `WebSockets.Limits.output`; beyond, the connection is closed.
@Loop public final class WebSocketConnection: SocketDelegate, Overdue {
  private enum Phase: UInt8 {
    /// Messages go both ways.
    case open
    /// It was silent for long, and has been pinged.
    case pinged
    /// Our Close is on its way, or the last answer to a client's.
    case closing
  }

  private let socket: Socket
  private let group: WebSockets
  /// Its place among the deadlines of its group.
  public var deadlineIndex = 0
  /// Who is told what arrives; nil when the connection is gone.
  public private(set) var delegate: (any WebSocketDelegate)?
  private var machine: WebSocketMachine
  private var phase = Phase.open
  /// Whether something has come since the client was last granted time.
  private var isHeard = false
  /// What was said first, of both sides.
  private var farewell: WebSocketClose?

  init(_ socket: Socket, in group: WebSockets) {
    (self.socket, self.group) = (socket, group)
    machine = WebSocketMachine(messageLimit: group.limits.message)
    socket.outputLimit = group.limits.output / 2
    socket.delegate = self
  }

  func begin(with delegate: any WebSocketDelegate, leftover: [UInt8]) {
    guard socket.isOpen else { return delegate.closed(self, farewell ?? WebSocketClose(.abnormal)) }
    self.delegate = delegate
    group.expect(self, within: group.limits.pingAfter)
    if !leftover.isEmpty { leftover.withUnsafeBytes { take($0) } }
  }

  /// The socket's other end: the client, or the proxy before us.
  public var peer: SocketAddress? { socket.peer }

  /// Whether messages can be sent: nobody has begun to close.
  public var isOpen: Bool { socket.isOpen && (phase == .open || phase == .pinged) }

  /// Bytes that wait for the client to take them.
  public var pendingOutput: Int { socket.pendingOutput }

  /// Sends a message. The same frame may go to many connections; it is encoded once. Nothing happens on a connection that
  /// is closing.
  ///
  /// A client for whom more than `WebSockets.Limits.output` bytes would wait is closed with `Limits.slowClient`. The
  /// delegate is told later, never from within this call.
  public func send(_ frame: WebSocketFrame) {
    guard isOpen else { return }
    guard socket.pendingOutput + frame.bytes.count <= group.limits.output else {
      group.slowClients += 1
      return close(group.limits.slowClient)
    }
    socket.send(frame.bytes)
  }

  /// Begins the closing handshake; the client has `WebSockets.Limits.closeTime` to answer. What is queued is sent before.
  /// May be repeated; the first call counts.
  ///
  /// - Precondition: the code may be sent.
  public func close(_ close: WebSocketClose) {
    guard isOpen, let frame = machine.close(close) else { return }
    phase = .closing
    farewell = close
    socket.send(frame.bytes)
    group.expect(self, within: group.limits.closeTime)
  }

  /// Closes the socket at once; what is queued is lost.
  public func drop() { socket.close() }

  // MARK: In

  /// Called by the socket.
  public func received(_ bytes: UnsafeMutableRawBufferPointer, on socket: Socket) {
    isHeard = true
    take(UnsafeRawBufferPointer(bytes))
    grantTime()
  }

  /// Called by the socket.
  public func ended(_ socket: Socket) { socket.close() }

  /// Called by the socket.
  public func drained(_ socket: Socket) { grantTime() }

  /// Called by the socket.
  public func closed(_ socket: Socket, reason: SocketError?) {
    group.forget(self)
    let delegate = delegate
    self.delegate = nil
    delegate?.closed(self, farewell ?? WebSocketClose(.abnormal))
  }

  private func take(_ bytes: UnsafeRawBufferPointer) {
    var input = bytes
    do throws(WebSocketViolation) {
      while socket.isOpen, let event = try machine.next(&input) {
        switch event {
        case .text(let bytes): delegate?.received(.text(bytes), on: self)
        case .binary(let bytes): delegate?.received(.binary(bytes), on: self)
        case .ping(let payload): send(WebSocketFrame(pong: payload))
        case .pong: break
        case .close(let close): answer(close)
        }
      }
    } catch {
      refuse(error)
    }
  }

  /// Ends what the client has ended.
  private func answer(_ close: WebSocketClose) {
    if let frame = machine.close(WebSocketClose(close.code)) { socket.send(frame.bytes) }
    farewell = farewell ?? close
    phase = .closing
    group.expect(self, within: group.limits.closeTime)
    socket.closeWhenDrained()
  }

  /// Tells the client what it did, and ends our half. Its own half is read to the end for a while, so that the kernel does
  /// not reset the connection before the client has read why.
  private func refuse(_ violation: WebSocketViolation) {
    let close = WebSocketClose(violation)
    if let frame = machine.close(close) { socket.send(frame.bytes) }
    farewell = farewell ?? close
    phase = .closing
    group.expect(self, within: group.limits.closeTime)
    socket.finish()
  }

  // MARK: Time

  /// Counts the client as alive, if something was heard from it and it has also taken what it was sent.
  private func grantTime() {
    guard isOpen, isHeard, socket.pendingOutput == 0 else { return }
    isHeard = false
    phase = .open
    group.expect(self, within: group.limits.pingAfter)
  }

  /// Called when nothing was heard for as long as was granted.
  public func overdue() {
    switch phase {
    case .open:
      phase = .pinged
      socket.send(WebSocketFrame.ping.bytes)
      group.expect(self, within: group.limits.pongTime)
    case .pinged: giveUp()
    case .closing: drop()
    }
  }

  /// Ends the connection of a client that is not there any more, without waiting for its answer.
  private func giveUp() {
    guard let farewell = group.limits.silentClient, let frame = machine.close(farewell) else { return drop() }
    self.farewell = farewell
    phase = .closing
    socket.send(frame.bytes)
    group.expect(self, within: group.limits.closeTime)
    socket.closeWhenDrained()
  }
}
