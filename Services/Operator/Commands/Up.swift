import EventLoop
import Foundation

extension Command {
  /// Runs the supervisor in this process until it is asked to end.
  @Loop func runSupervisor(_ folder: MeshFolder, _ options: UpOptions) async throws -> CInt {
    try folder.create()
    guard let lock = try takeLock(folder) else {
      return try await greetRunning(folder, options)
    }
    defer { close(lock) }
    // A detached supervisor's output is read only until it is ready.
    let audience = Audience()
    let began = ContinuousClock.now
    let supervisor = try await Supervisor(folder, options) { audience.say($0) }
    audience.say("Starting in \(FileManager.default.currentDirectoryPath)/\(folder.path)")
    var wasReady = false
    try await supervisor.run {
      wasReady = true
      audience.say("Everything is ready after \(began.duration(to: .now).inSeconds).")
      Self.welcome(folder, endsBy: options.isDetached ? "./mesh down" : "Ctrl-C, or ./mesh down").forEach(audience.say)
      if options.isDetached { audience.leave() }
    }
    audience.say("Everything has ended.")
    return wasReady ? ExitCode.done : ExitCode.failed
  }

  /// The open lock file; nil when somebody holds it.
  private func takeLock(_ folder: MeshFolder) throws(Failure) -> CInt? {
    let lock = open(folder.lock, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard lock >= 0 else { throw Failure("cannot open \(folder.lock): \(String(cString: strerror(errno)))") }
    if flock(lock, LOCK_EX | LOCK_NB) == 0 { return lock }
    close(lock)
    return nil
  }

  /// `up` where it is up already: harmless, unless something else was asked for than what runs.
  @Loop private func greetRunning(_ folder: MeshFolder, _ options: UpOptions) async throws -> CInt {
    guard case .status(let status)? = try? await askSupervisor(folder, .status) else {
      throw Failure("another ./mesh up or down is at work in this folder", advice: "Try again in a moment.")
    }
    if let port = options.port, port != Ports.load(folder)?.gateway {
      throw Failure(
        "it runs already, on another port", advice: "To move it: ./mesh down, then ./mesh up --port \(port).")
    }
    if !options.replicas.isEmpty { _ = try await askSupervisor(folder, .scale(options.replicas)) }
    Console.say(status.isStarting ? "It is starting already; see ./mesh status." : "It is up already.")
    Self.welcome(folder, endsBy: "./mesh down").forEach { Console.say($0) }
    return ExitCode.done
  }

  private static func welcome(_ folder: MeshFolder, endsBy end: String) -> [String] {
    let port = (Ports.load(folder) ?? Ports()).gateway
    return [
      "",
      "  Open    http://127.0.0.1:\(port)/docs",
      "  Watch   ./mesh demo",
      "  Try     \(firstCommand)",
      "  Look    ./mesh status    ./mesh logs --follow",
      "  End     \(end)",
      "",
    ]
  }

  /// Starts the supervisor as a process of its own and shows its progress until everything is ready.
  @Loop func startDetached(_ folder: MeshFolder, _ options: UpOptions) async throws -> CInt {
    try folder.create()
    if let lock = try takeLock(folder) {
      close(lock)
    } else {
      return try await greetRunning(folder, options)
    }
    // The child closes its end when everything is ready, or by ending.
    let silence = Promise<Void>()
    let pipe = try OutputPipe { bytes in
      if bytes.isEmpty { silence.fulfil(()) } else { write(STDOUT_FILENO, bytes.baseAddress, bytes.count) }
    }
    defer { pipe.close() }
    var arguments = ["up", "--detached"]
    if let port = options.port { arguments += ["--port", String(port)] }
    for (name, count) in options.replicas { arguments += ["--replicas", "\(name)=\(count)"] }
    let program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let child = try ChildProcess(program, arguments, environment: inherited, output: pipe.input)
    pipe.closeInput()
    Signals.on([SIGINT, SIGTERM]) { child.signal($0) }
    try await silence.value
    // Closing its output and ending are two steps: a moment tells a supervisor that stays from one that gives up.
    for _ in 0..<50 where child.exit == nil && !Self.isUp(folder) { try await Loop.sleep(for: .milliseconds(10)) }
    guard let exit = child.exit else { return ExitCode.done }
    if case .status(let status) = exit { return status }
    throw Failure("the supervisor ended with \(exit)", advice: "Its log: ./mesh logs \(Supervisor.name).")
  }

  private static func isUp(_ folder: MeshFolder) -> Bool { access(folder.control, F_OK) == 0 }
}

/// Those who watch a supervisor start: the terminal, or whoever called `up --detach` and waits.
@Loop private final class Audience {
  private var isThere = true

  func say(_ line: String) { if isThere { Console.say(line) } }

  /// Sends them away: from here on nobody reads standard output.
  func leave() {
    isThere = false
    let nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC)
    dup2(nowhere, STDOUT_FILENO)
    dup2(nowhere, STDERR_FILENO)
    close(nowhere)
  }
}
