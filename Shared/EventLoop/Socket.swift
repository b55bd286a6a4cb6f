import CEpoll
import Glibc

/// Whoever speaks a protocol over a `Socket`.
@Loop public protocol SocketDelegate: AnyObject {
  /// Bytes have arrived. They lie in a buffer that all sockets share and may be changed in place; whatever is needed
  /// after the call must be copied.
  func received(_ bytes: UnsafeMutableRawBufferPointer, on socket: Socket)

  /// The peer has ended its half and sends no more. The default closes the socket.
  func ended(_ socket: Socket)

  /// All output has been taken by the kernel. The default does nothing.
  func drained(_ socket: Socket)

  /// The socket is closed; nothing will be called any more. `reason` is nil when this side closed it.
  func closed(_ socket: Socket, reason: SocketError?)
}

extension SocketDelegate {
  /// Closes the socket: the right answer wherever half-open connections have no meaning.
  public func ended(_ socket: Socket) { socket.close() }

  /// Does nothing.
  public func drained(_ socket: Socket) {}
}

/// A TCP connection on the event loop.
///
/// Output is queued and leaves at the end of the turn. While more than `outputLimit` bytes wait, the socket reads
/// nothing more from its peer: who does not take answers cannot ask further questions. An idle socket holds no buffers.
///
/// The loop keeps an open socket, and the socket its delegate, alive; closing lets go of both.
@Loop public final class Socket: Watcher, Flushable {
  /// One peer's share of a turn when there is much to send, in bytes.
  private static let writeBudget = 1 << 20

  /// Told what happens; set it before returning to the loop.
  public var delegate: (any SocketDelegate)?
  /// Above this many waiting bytes the socket stops reading until half of them have left.
  public var outputLimit = 1 << 20

  /// How many bytes are read at a time: the most that `received` is given at once.
  public var readSize = 256 * 1024

  private let descriptor: CInt
  private var output = OutputQueue()
  private var flushScheduled = false
  private var blocked = false
  private var choked = false
  private var paused = false
  private var peerEnded = false
  private var closesWhenDrained = false
  private var finishesWhenDrained = false
  /// False once closed; a closed socket ignores what is sent.
  public private(set) var isOpen = true

  /// Takes over a connected, non-blocking descriptor.
  init(_ descriptor: CInt) {
    self.descriptor = descriptor
    var on: CInt = 1
    setsockopt(descriptor, CInt(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<CInt>.size))
    updateInterest()
  }

  /// Connects to `address`. Throws `SocketError`, or `CancellationError` when the task is cancelled meanwhile.
  public static func connect(to address: SocketAddress) async throws -> Socket {
    let descriptor = CEpoll.socket(
      address.family, CInt(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw SocketError("open a socket to", address.description, errno: errno) }
    let status = address.withPointer { Glibc.connect(descriptor, $0, $1) }
    if status != 0, errno != EINPROGRESS {
      let error = SocketError("connect to", address.description, errno: errno)
      Glibc.close(descriptor)
      throw error
    }
    let connected = Promise<Void>()
    let watch = Watch(descriptor) { _ in connected.fulfil(()) }
    watch.interest = .writable
    do {
      defer { watch.cancel() }
      try await connected.value
      let code = pendingError(of: descriptor)
      if code != 0 { throw SocketError("connect to", address.description, errno: code) }
    } catch {
      Glibc.close(descriptor)
      throw error
    }
    return Socket(descriptor)
  }

  /// The other side's address; nil once it is unknown.
  public var peer: SocketAddress? { isOpen ? SocketAddress(of: descriptor, getpeername) : nil }

  /// This side's address; nil once the socket is closed.
  public var local: SocketAddress? { isOpen ? SocketAddress(of: descriptor, getsockname) : nil }

  /// Bytes that are queued and not yet taken by the kernel.
  public var pendingOutput: Int { output.count }

  /// Queues `bytes`. Large arrays are sent without copying.
  public func send(_ bytes: [UInt8]) {
    guard isOpen else { return }
    output.append(bytes)
    outputGrew()
  }

  /// Queues a copy of `bytes`.
  public func send(copying bytes: UnsafeRawBufferPointer) {
    guard isOpen else { return }
    output.append(copying: bytes)
    outputGrew()
  }

  /// Queues a stretch of a file.
  public func send(_ region: FileRegion) {
    guard isOpen else { return }
    output.append(region)
    outputGrew()
  }

  private func outputGrew() {
    if output.count > outputLimit, !choked {
      choked = true
      updateInterest()
    }
    if !flushScheduled, !blocked {
      flushScheduled = true
      Loop.flushAtEndOfTurn(self)
    }
  }

  /// Stops reading until `resumeReading()`; the peer then feels TCP's flow control.
  public func pauseReading() {
    paused = true
    updateInterest()
  }

  /// Reads again after `pauseReading()`.
  public func resumeReading() {
    paused = false
    updateInterest()
  }

  /// Closes at once. What is still queued is lost.
  public func close() { shut(nil) }

  /// Closes as soon as everything queued has been sent; nothing more is read or accepted for sending meanwhile.
  public func closeWhenDrained() {
    guard isOpen else { return }
    if output.isEmpty { return shut(nil) }
    closesWhenDrained = true
    updateInterest()
  }

  /// Ends this side's half of the connection as soon as everything queued has been sent. What the peer still sends is
  /// received until it ends its half too: so it gets to read the last answer, which a reset would take from it.
  public func finish() {
    guard isOpen else { return }
    finishesWhenDrained = true
    if output.isEmpty { shutdown(descriptor, CInt(SHUT_WR)) }
  }

  /// Called by the loop at the end of a turn.
  public func flush() {
    flushScheduled = false
    guard isOpen, !output.isEmpty else { return }
    switch output.write(to: descriptor, budget: Self.writeBudget) {
    case .failed(let code):
      shut(SocketError("send to", describePeer(), errno: code))
    case .blocked:
      blocked = true
      unchoke()
      updateInterest()
    case .drained:
      blocked = false
      unchoke()
      updateInterest()
      if closesWhenDrained { return shut(nil) }
      if finishesWhenDrained { shutdown(descriptor, CInt(SHUT_WR)) }
      delegate?.drained(self)
    }
  }

  private func unchoke() {
    if choked, output.count <= outputLimit / 2 { choked = false }
  }

  func ready(_ readiness: Readiness) {
    if readiness.contains(.writable), blocked { flush() }
    guard isOpen, !readiness.isDisjoint(with: [.readable, .hangup]) else { return }
    if paused || choked || closesWhenDrained || peerEnded {
      // Not interested in reading: only a broken connection matters.
      if !readiness.isDisjoint(with: .hangup) {
        shut(SocketError("reach", describePeer(), errno: Self.pendingError(of: descriptor)))
      }
      return
    }
    receive()
  }

  private func receive() {
    let scratch = Reactor.shared.scratch
    let count = read(descriptor, scratch.baseAddress!, min(scratch.count, readSize))
    if count > 0 {
      delegate?.received(UnsafeMutableRawBufferPointer(rebasing: scratch[..<count]), on: self)
    } else if count == 0 {
      peerEnded = true
      updateInterest()
      delegate?.ended(self)
    } else if errno != EAGAIN && errno != EINTR {
      shut(SocketError("read from", describePeer(), errno: errno))
    }
  }

  private func updateInterest() {
    guard isOpen else { return }
    var interest: Readiness = []
    if !paused && !choked && !peerEnded && !closesWhenDrained { interest.insert(.readable) }
    if blocked { interest.insert(.writable) }
    Reactor.shared.watch(descriptor, for: interest, watcher: self)
  }

  private func shut(_ reason: SocketError?) {
    guard isOpen else { return }
    isOpen = false
    Reactor.shared.forget(descriptor)
    Glibc.close(descriptor)
    output.removeAll()
    let delegate = delegate
    self.delegate = nil
    delegate?.closed(self, reason: reason)
  }

  private static func pendingError(of descriptor: CInt) -> CInt {
    var code: CInt = 0
    var length = socklen_t(MemoryLayout<CInt>.size)
    getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length)
    return code
  }

  private func describePeer() -> String {
    SocketAddress(of: descriptor, getpeername)?.description ?? "a peer that is gone"
  }
}
