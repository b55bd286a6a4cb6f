import CEpoll
import Glibc

/// The signals that ask a process to end or to reload, delivered to the loop instead of interrupting it.
public enum Signals {
  private static let handled: [CInt] = [SIGTERM, SIGINT, SIGHUP]

  private static func set(of signals: [CInt]) -> sigset_t {
    var set = sigset_t()
    sigemptyset(&set)
    for signal in signals { sigaddset(&set, signal) }
    return set
  }

  /// Blocks the handled signals in this thread and all that it starts, and ignores those that only report what the
  /// failing call reports anyway (`SIGPIPE`, `SIGXFSZ`).
  static func prepare() {
    var mask = set(of: handled)
    pthread_sigmask(SIG_BLOCK, &mask, nil)
    signal(SIGPIPE, SIG_IGN)
    signal(SIGXFSZ, SIG_IGN)
  }

  /// Calls `handler` with the number of each of `signals` that arrives, for the rest of the process's life.
  @Loop public static func on(_ signals: [CInt], _ handler: @escaping @Loop (CInt) -> Void) {
    precondition(signals.allSatisfy(handled.contains), "only SIGTERM, SIGINT and SIGHUP are handled by the loop")
    var mask = set(of: signals)
    let descriptor = signalfd(-1, &mask, CInt(SFD_NONBLOCK | SFD_CLOEXEC))
    precondition(descriptor >= 0, "signalfd: \(String(cString: strerror(errno)))")
    let watch = Watch(descriptor) { _ in
      var info = signalfd_siginfo()
      while read(descriptor, &info, MemoryLayout<signalfd_siginfo>.size) == MemoryLayout<signalfd_siginfo>.size {
        handler(CInt(bitPattern: info.ssi_signo))
      }
    }
    watch.interest = .readable
  }

  /// Runs `start`, and calls `asked` whenever the process is asked to end (`SIGTERM` or `SIGINT`) from then on.
  ///
  /// A process that is asked while it starts ends at once, with status 0: it serves nobody yet, and what it waits for may
  /// never come. Throws what `start` throws.
  @Loop public static func onTermination(
    after start: @Loop () async throws -> Void, _ asked: @escaping @Loop (CInt) -> Void
  ) async rethrows {
    var isStarting = true
    on([SIGTERM, SIGINT]) { if isStarting { _exit(0) } else { asked($0) } }
    try await start()
    isStarting = false
  }

  /// As `onTermination`: suspends until the process is asked to end, and returns that signal's number.
  @Loop public static func termination(after start: @Loop () async throws -> Void) async rethrows -> CInt {
    let promise = Promise<CInt>()
    try await onTermination(after: start) { promise.fulfil($0) }
    // Only cancellation throws, and then the process is on its way out as well.
    return (try? await promise.value) ?? SIGTERM
  }
}
