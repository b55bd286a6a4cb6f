import Glibc

/// The process's one event loop, as a global actor: sockets, timers, database connections and every handler live here.
///
/// **Overview.** One thread waits in `epoll` and is, at the same time, the executor of this actor. Code marked `@Loop`
/// runs on that thread and nowhere else, so it shares state without locks and calls other `@Loop` code without hopping.
/// What the compiler can prove costs nothing; what comes in from C callbacks is checked by `assumeIsolated`.
///
/// **Concurrency.** Never block here. Work that computes for more than a millisecond, or that calls something that
/// blocks (`fsync`, password hashing, image decoding), goes to a `BackgroundPool`.
///
/// **Life cycle.** A program calls `Loop.run` from `main.swift`; its main thread becomes the loop. Where nobody does
/// (in tests), the loop starts a thread of its own at first use. There is no stop: a loop lives as long as its process.
///
/// **One turn**: run the jobs that are ready, let everyone who asked flush what the turn produced, wait for descriptors
/// until the next timer, hand out readiness, fire due timers. More power comes from more processes, not more loops.
@globalActor
public actor Loop {
  /// The actor instance that the language asks for; there is nothing to call on it.
  public static let shared = Loop()

  /// The loop's thread.
  nonisolated public var unownedExecutor: UnownedSerialExecutor { LoopExecutor.shared.asUnownedSerialExecutor() }

  /// Whether the caller is on the loop's thread.
  nonisolated public static var isCurrent: Bool { LoopExecutor.shared.isCurrent }

  /// Runs `body` as `@Loop` code, for callbacks that C libraries make on the loop's thread.
  ///
  /// Calling it from another thread is a bug and stops the process.
  nonisolated public static func assumeIsolated<Result: Sendable>(
    _ body: @Loop () throws -> Result
  ) rethrows -> Result {
    precondition(isCurrent, "this code runs on the event loop's thread only")
    // The isolation of a closure is not part of its representation, so the cast changes what the compiler
    // checks and nothing that runs. `MainActor.assumeIsolated` is built the same way.
    return try withoutActuallyEscaping(body) { body in
      try unsafeBitCast(body, to: (() throws -> Result).self)()
    }
  }

  /// Turns the main thread into the event loop, runs `body` on it, and exits with the status that `body` returns.
  ///
  /// Call it first thing in `main.swift`: it also blocks the signals that `Signals` waits for, which only works
  /// while the process has one thread, and allows the process as many descriptors as the system grants.
  nonisolated public static func run(_ body: @escaping @Loop @Sendable () async -> CInt) -> Never {
    Signals.prepare()
    raiseDescriptorLimit()
    LoopExecutor.adoptsMainThread = true
    Loop.task { exit(await body()) }
    LoopExecutor.shared.runOnCurrentThread()
  }

  /// Soft limits are low for the sake of `select`, which nothing here uses.
  nonisolated private static func raiseDescriptorLimit() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }

  /// The time at which the current turn began handing out events: monotonic, and free to read.
  @Loop public static var now: ContinuousClock.Instant { Reactor.shared.now }

  /// Calls `action` once, `delay` from now, unless the timer is cancelled first. Resolution is that of `epoll_pwait2`.
  @Loop @discardableResult
  public static func schedule(after delay: Duration, _ action: @escaping @Loop () -> Void) -> LoopTimer {
    let timer = LoopTimer(action)
    timer.reset(after: delay)
    return timer
  }

  /// Starts a task on the loop.
  ///
  /// Unlike one that `Task { @Loop in … }` starts, it stays on the loop's thread when something it awaits is there.
  @discardableResult
  nonisolated public static func task(_ body: @escaping @Loop @Sendable () async -> Void) -> Task<Void, Never> {
    Task(executorPreference: LoopExecutor.shared) { await body() }
  }

  /// Suspends the calling task for `duration`, or throws at once when the task is cancelled.
  @Loop public static func sleep(for duration: Duration) async throws {
    let promise = Promise<Void>()
    let timer = schedule(after: duration) { promise.fulfil(()) }
    defer { timer.cancel() }
    try await promise.value
  }

  /// Calls `flushable.flush()` once at the end of the current turn, so that what one turn writes leaves in one call.
  @Loop public static func flushAtEndOfTurn(_ flushable: any Flushable) {
    Reactor.shared.flushables.append(flushable)
  }
}

/// Something that collects output during a turn and sends it when the turn ends.
@Loop public protocol Flushable: AnyObject {
  /// Sends what was collected. Called once for each time it was asked for.
  func flush()
}
