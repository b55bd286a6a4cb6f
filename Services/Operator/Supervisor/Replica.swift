import EventLoop
import Glibc

/// How one process is started, and how it is known to be ready.
struct Launch: Sendable {
  var executable: String
  var arguments: [String]
  var environment: [String: String]
  /// The user to become, for a program that refuses to be root.
  var user: String?
  /// What asks it to end.
  var endSignal = SIGTERM
  /// Where it answers its operators, as `host:port`; nil when it does not.
  var ops: String?
  /// Whether it can be used now; given up after a second.
  var isReady: @Loop @Sendable () async -> Bool

  /// The command line. `setpriv` replaces itself by the program, after it has told the kernel to end the program when
  /// its parent dies: a supervisor that is killed leaves nothing behind.
  var commandLine: [String] {
    let identity = user.map { ["--reuid=\($0)", "--regid=\($0)", "--init-groups"] } ?? []
    let signal = endSignal == SIGINT ? "INT" : "TERM"
    return identity + ["--pdeathsig", signal, "--", executable] + arguments
  }
}

/// One process of the mesh, kept running: started, watched until it is ready, started again when it dies.
@Loop final class Replica {
  /// How many times it may die before it was ever ready until `waitUntilReady` gives up.
  private static let triesAtStart = 3

  /// `broker.0`: the service and the number of the replica. Stores, of which there is one, have no number.
  let name: String
  let service: String
  let number: Int
  let log: LogFile
  private let grace: Duration
  private let table: ProcessTable
  private let launch: @Loop () throws -> Launch
  private let report: @Loop (String) -> Void

  /// The process; nil between two lives.
  private(set) var child: ChildProcess?
  /// How it was started the last time.
  private(set) var current: Launch?
  private var isReady = false
  private var lives = 0
  private var lastEnd = ""
  private var policy = RestartPolicy()
  private var runner: Task<Void, Never>?

  /// - Parameters:
  ///   - launch: asked anew before each start.
  ///   - report: told, in a line for people, when it died or could not be started.
  init(
    service: String, number: Int?, log: LogFile, grace: Duration, table: ProcessTable,
    report: @escaping @Loop (String) -> Void, launch: @escaping @Loop () throws -> Launch
  ) {
    name = number.map { "\(service).\($0)" } ?? service
    (self.service, self.number, self.log, self.grace) = (service, number ?? 0, log, grace)
    (self.table, self.report, self.launch) = (table, report, launch)
  }

  /// Starts it and keeps it running until `stop`.
  func start() {
    precondition(runner == nil, "\(name) is started twice")
    lives = 0
    runner = Task { @Loop in await run() }
  }

  private func run() async {
    while !Task.isCancelled {
      let began = ContinuousClock.now
      do {
        lastEnd = "ended with \(try await live())"
      } catch {
        lastEnd = "\(error)"
      }
      if Task.isCancelled { return }
      let pause = policy.pause(after: began.duration(to: .now))
      report("\(name) \(lastEnd); starting it again \(pause == .zero ? "at once" : "in \(pause.inMilliseconds)")")
      // Cancelled by `stop`, which the loop's condition sees.
      try? await Loop.sleep(for: pause)
    }
  }

  /// One life, from start to end.
  private func live() async throws -> ChildProcess.Exit {
    lives += 1
    let launch = try launch()
    let child = try ChildProcess(
      "setpriv", launch.commandLine, environment: launch.environment, output: log.input)
    (self.child, current) = (child, launch)
    table.add(name, child.pid)
    let watcher = Task { @Loop in
      var pause = Duration.milliseconds(5)
      while !Task.isCancelled {
        if await launch.isReady() {
          if !Task.isCancelled { isReady = true }
          return
        }
        try? await Loop.sleep(for: pause)
        pause = min(pause * 1.5, .milliseconds(200))
      }
    }
    let exit = await child.waitUntilEnded()
    watcher.cancel()
    isReady = false
    self.child = nil
    table.remove(child.pid)
    return exit
  }

  /// Suspends until it is ready. Throws `Failure` with its last log lines when it keeps dying or takes longer than `limit`.
  func waitUntilReady(within limit: Duration) async throws {
    let deadline = ContinuousClock.now.advanced(by: limit)
    while !isReady {
      if lives > Self.triesAtStart { throw failure("\(name) \(lastEnd), \(lives - 1) times in a row") }
      if ContinuousClock.now > deadline { throw failure("\(name) is not ready after \(limit.inSeconds)") }
      try await Loop.sleep(for: .milliseconds(5))
    }
  }

  private func failure(_ problem: String) -> Failure {
    let tail = log.tail(8).map { "    \($0)" }.joined(separator: "\n")
    return Failure(
      "\(problem)\(tail.isEmpty ? "; it wrote nothing" : "; it wrote last:\n\(tail)")",
      advice: "The whole log is in \(log.path); ./mesh doctor looks for common causes.")
  }

  /// Whether it runs and says so itself.
  func checkReady() async -> Bool {
    guard child != nil, isReady, let current else { return false }
    return await current.isReady()
  }

  /// Ends it for good, or until the next `start`.
  func stop() async {
    guard let runner else { return }
    runner.cancel()
    await child?.end(asking: current?.endSignal ?? SIGTERM, grace: grace)
    await runner.value
    self.runner = nil
  }

  /// Ends it and starts it again. Throws `Failure` when it does not become ready.
  func restart(within limit: Duration) async throws {
    await stop()
    start()
    try await waitUntilReady(within: limit)
  }

  /// Ends it without giving it time.
  func kill() { child?.signal(SIGKILL) }
}
