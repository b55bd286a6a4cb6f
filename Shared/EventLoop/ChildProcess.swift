import CEpoll
import Glibc

/// A program that this process has started: its end is told on the loop, and it leaves no zombie behind.
///
/// The child gets a session of its own, so that a terminal's Ctrl-C and hang-up do not reach it, no input, and none of
/// the parent's descriptors. Blocked and ignored signals are as in a fresh process.
@Loop public final class ChildProcess {
  /// How a process ended.
  public enum Exit: Sendable, Hashable, CustomStringConvertible {
    /// It returned this status.
    case status(CInt)
    /// It was ended by this signal.
    case signal(CInt)

    /// For people: `exit status 2`, `signal 9 (Killed)`.
    public var description: String {
      switch self {
      case .status(let status): "exit status \(status)"
      case .signal(let signal): "signal \(signal) (\(String(cString: strsignal(signal))))"
      }
    }

    /// Reads the word that `waitpid` gives.
    init(word: CInt) {
      let signal = word & 0x7f
      self = signal == 0 ? .status((word >> 8) & 0xff) : .signal(signal)
    }
  }

  /// The process id. It means this process until the end has been told.
  public let pid: pid_t
  /// How it ended; nil while it runs.
  public private(set) var exit: Exit?
  private let handle: ProcessHandle
  private var waiting: [CheckedContinuation<Exit, Never>] = []

  /// Starts `executable`, looked for in `PATH` unless it has a slash.
  ///
  /// - Parameters:
  ///   - arguments: what follows the program's name.
  ///   - environment: all of its environment.
  ///   - output: where standard output and error go; nil drops them. Stays the caller's.
  /// - Throws: `ProcessError` when there is no such program or no room for a process.
  public init(
    _ executable: String, _ arguments: [String], environment: [String: String], output: CInt? = nil
  ) throws(ProcessError) {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    if let output {
      posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
    } else {
      posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)
    }
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
    cepoll_spawn_close_from(&actions, STDERR_FILENO + 1)

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    sigfillset(&signals)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
    posix_spawnattr_setflags(&attributes, Int16(flags) | cepoll_spawn_new_session)

    var argv = ([executable] + arguments).map { strdup($0) } + [nil]
    var envp = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for text in argv + envp { free(text) } }
    var pid: pid_t = 0
    let status = posix_spawnp(&pid, executable, &actions, &attributes, &argv, &envp)
    guard status == 0 else { throw ProcessError("start", executable, errno: status) }
    guard let handle = ProcessHandle(pid) else {
      // Without a way to watch it, it must not run: only a lack of descriptors or memory leads here.
      let error = ProcessError("watch", executable, errno: errno)
      kill(pid, SIGKILL)
      waitpid(pid, nil, 0)
      throw error
    }
    self.pid = pid
    self.handle = handle
    handle.onEnd { self.reap() }
  }

  private func reap() {
    var word: CInt = 0
    waitpid(pid, &word, 0)
    let exit = Exit(word: word)
    self.exit = exit
    for continuation in waiting { continuation.resume(returning: exit) }
    waiting = []
  }

  /// Sends a signal; does nothing once the process has ended.
  public func signal(_ signal: CInt) { handle.signal(signal) }

  /// Suspends until the process has ended. It does not heed cancellation: to be done sooner, end the process.
  public func waitUntilEnded() async -> Exit {
    await withCheckedContinuation { continuation in
      // Looked at here and no sooner: the way to this point may lead over other threads, and the process may end meanwhile.
      if let exit { continuation.resume(returning: exit) } else { waiting.append(continuation) }
    }
  }

  /// Asks the process to end with `signal`, and kills it if it has not after `grace`.
  @discardableResult
  public func end(asking signal: CInt = SIGTERM, grace: Duration) async -> Exit {
    self.signal(signal)
    let timer = Loop.schedule(after: grace) { self.signal(SIGKILL) }
    defer { timer.cancel() }
    return await waitUntilEnded()
  }
}

/// A process of this machine, held by a descriptor that never comes to mean another process (`pidfd_open(2)`).
@Loop public final class ProcessHandle {
  /// The process id.
  public let pid: pid_t
  private let descriptor: CInt
  /// Keeps this handle alive while somebody waits for the end.
  private var watch: Watch?

  /// Takes hold of process `pid`; nil when there is none, with the reason in `errno`.
  public init?(_ pid: pid_t) {
    let descriptor = pidfd_open(pid, 0)
    guard descriptor >= 0 else { return nil }
    // The kernel sets close-on-exec by itself.
    self.pid = pid
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  /// Sends a signal. False when the process has ended or is not ours to signal.
  @discardableResult
  public func signal(_ signal: CInt) -> Bool { pidfd_send_signal(descriptor, signal, nil, 0) == 0 }

  /// Calls `action` once, when the process has ended.
  func onEnd(_ action: @escaping @Loop () -> Void) {
    watch = Watch(descriptor) { _ in
      self.watch?.cancel()
      self.watch = nil
      action()
    }
    watch?.interest = .readable
  }

  /// Suspends until the process has ended, at most for `limit`. Returns whether it has.
  public func waitUntilEnded(within limit: Duration) async -> Bool {
    let deadline = ContinuousClock.now.advanced(by: limit)
    var state = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    while poll(&state, 1, 0) == 0 {
      guard ContinuousClock.now < deadline else { return false }
      do { try await Loop.sleep(for: .milliseconds(10)) } catch { return false }
    }
    return true
  }
}

/// A program that could not be started or watched: which, and why.
public struct ProcessError: Error, CustomStringConvertible {
  /// What was tried, as "start".
  public let call: String
  /// The program.
  public let program: String
  /// The system's reason.
  public let reason: String

  init(_ call: String, _ program: String, errno code: CInt) {
    (self.call, self.program) = (call, program)
    reason = String(cString: strerror(code))
  }

  /// One line for a log or a terminal.
  public var description: String { "cannot \(call) \(program): \(reason)" }
}
