import CEpoll
import Glibc

/// A descriptor by which other threads, and C libraries that know nothing of the loop, wake it (`eventfd(2)`): watch it for
/// being readable. Signals that nobody has taken yet count as one. It lives as long as this value.
public final class Wakeup: Sendable {
  /// For C libraries: writing the eight bytes of the number 1 is a signal.
  public let descriptor: CInt

  /// Makes a descriptor without a signal.
  public init() {
    descriptor = eventfd(0, CInt(EFD_NONBLOCK | EFD_CLOEXEC))
    precondition(descriptor >= 0, "eventfd: \(String(cString: strerror(errno)))")
  }

  deinit { close(descriptor) }

  /// Makes the descriptor readable. From any thread.
  public func signal() { eventfd_write(descriptor, 1) }

  /// Takes the signals so far: the descriptor is readable again with the next.
  public func clear() {
    var count: eventfd_t = 0
    eventfd_read(descriptor, &count)
  }
}
