import CEpoll
import Glibc

/// A TCP port that accepts connections.
///
/// Several processes may listen on one port (`SO_REUSEPORT`); the kernel spreads connections among them. When the
/// process runs out of descriptors, waiting connections are refused instead of being left to hang.
@Loop public final class Listener: Watcher {
  private static let acceptsPerTurn = 64

  private let descriptor: CInt
  private let accepted: @Loop (Socket) -> Void
  /// Given up when descriptors run out, so that a waiting connection can be accepted and closed.
  private var reserve = open("/dev/null", O_RDONLY | O_CLOEXEC)
  private var isOpen = true

  /// The address that is listened on, with the port that was chosen if 0 was asked for.
  public let address: SocketAddress
  /// Connections that were refused because the process had no descriptors left.
  public private(set) var refusals = 0

  /// Listens on `address` and hands each connection to `accepted`.
  ///
  /// Throws `SocketError`, most often because the port is in use.
  public init(
    on address: SocketAddress, sharingPort: Bool = false, backlog: Int = 4096,
    accepted: @escaping @Loop (Socket) -> Void
  ) throws(SocketError) {
    let descriptor = CEpoll.socket(
      address.family, CInt(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw SocketError("open a socket for", address.description, errno: errno) }
    var on: CInt = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<CInt>.size))
    if sharingPort { setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, socklen_t(MemoryLayout<CInt>.size)) }
    guard address.withPointer({ bind(descriptor, $0, $1) }) == 0, listen(descriptor, CInt(backlog)) == 0,
      let bound = SocketAddress(of: descriptor, getsockname)
    else {
      let error = SocketError("listen on", address.description, errno: errno)
      Glibc.close(descriptor)
      throw error
    }
    self.descriptor = descriptor
    self.address = bound
    self.accepted = accepted
    Reactor.shared.watch(descriptor, for: .readable, watcher: self)
  }

  /// Stops accepting and frees the port. May be repeated.
  public func close() {
    guard isOpen else { return }
    isOpen = false
    Reactor.shared.forget(descriptor)
    Glibc.close(descriptor)
    Glibc.close(reserve)
  }

  func ready(_ readiness: Readiness) {
    for _ in 0..<Self.acceptsPerTurn where isOpen {
      let connection = cepoll_accept(descriptor)
      if connection >= 0 {
        accepted(Socket(connection))
      } else if errno == EMFILE || errno == ENFILE {
        refuseOne()
      } else if errno != EINTR && errno != ECONNABORTED {
        return
      }
    }
  }

  private func refuseOne() {
    refusals += 1
    Glibc.close(reserve)
    let connection = cepoll_accept(descriptor)
    if connection >= 0 { Glibc.close(connection) }
    reserve = open("/dev/null", O_RDONLY | O_CLOEXEC)
  }
}
