import EventLoop
import Glibc
import Testing

@Suite struct ChildProcessTests {
  private let environment = ["PATH": "/usr/bin:/bin", "WORD": "given"]

  @Loop private func run(_ script: String) async throws -> (ChildProcess.Exit, String) {
    var text: [UInt8] = []
    var isOver = false
    let pipe = try OutputPipe { bytes in
      text += bytes
      if bytes.isEmpty { isOver = true }
    }
    defer { pipe.close() }
    let child = try ChildProcess("sh", ["-c", script], environment: environment, output: pipe.input)
    pipe.closeInput()
    let exit = await child.waitUntilEnded()
    for _ in 0..<5000 where !isOver { try await Loop.sleep(for: .milliseconds(2)) }
    return (exit, String(decoding: text, as: UTF8.self))
  }

  @Test @Loop func `a child's end and output are told`() async throws {
    let (exit, text) = try await run("echo $WORD; echo wrong >&2; exit 7")
    #expect(exit == .status(7))
    #expect(text == "given\nwrong\n")
    #expect(exit.description == "exit status 7")
  }

  @Test @Loop func `a killed child tells the signal`() async throws {
    let (exit, _) = try await run("kill -9 $$")
    #expect(exit == .signal(SIGKILL))
    #expect(exit.description == "signal 9 (Killed)")
  }

  @Test @Loop func `a child starts in a session of its own, with no input, no descriptors and no blocked signals`()
    async throws
  {
    let (_, text) = try await run(
      "readlink /proc/$$/fd/0; ls /proc/$$/fd | tr '\\n' ' '; echo; "
        + "[ $(cut -d ' ' -f 6 /proc/$$/stat) = $$ ] && echo own session; "
        + "grep -E 'Sig(Blk|Ign)' /proc/self/status")
    let lines = text.split(separator: "\n").map(String.init)
    #expect(lines.prefix(3) == ["/dev/null", "0 1 2 ", "own session"])
    // The two signals above 31 are glibc's own.
    let masks = lines.suffix(2).compactMap { UInt64($0.suffix(16), radix: 16) }
    #expect(masks.map { $0 & 0x7fff_ffff } == [0, 0])
  }

  @Test @Loop func `a program that does not exist is an error at once`() throws {
    let error = try #require(throws: ProcessError.self) {
      try ChildProcess("no-such-program", [], environment: environment)
    }
    #expect(error.description == "cannot start no-such-program: No such file or directory")
  }

  @Test @Loop func `a child that ignores the request to end is killed after its grace`() async throws {
    let deaf = try ChildProcess("sh", ["-c", "trap '' TERM; while :; do sleep 0.01; done"], environment: environment)
    try await Loop.sleep(for: .milliseconds(50))
    #expect(await deaf.end(grace: .milliseconds(50)) == .signal(SIGKILL))
    let obedient = try ChildProcess("sleep", ["600"], environment: environment)
    #expect(await obedient.end(grace: .seconds(60)) == .signal(SIGTERM))
    // Ending what has ended changes nothing.
    #expect(await obedient.end(grace: .seconds(60)) == .signal(SIGTERM))
  }

  @Test @Loop func `several may wait for one child, and a child leaves no zombie`() async throws {
    let child = try ChildProcess("sleep", ["0.05"], environment: environment)
    let waits = (0..<3).map { _ in Task { @Loop in await child.waitUntilEnded() } }
    for wait in waits { #expect(await wait.value == .status(0)) }
    #expect(kill(child.pid, 0) == -1 && errno == ESRCH)
  }

  @Test @Loop func `whoever begins to wait in the turn in which a child ends is told too`() async throws {
    for turns in 0..<4 {
      let child = try ChildProcess("true", [], environment: environment)
      var exit: ChildProcess.Exit?
      Loop.task { exit = await child.waitUntilEnded() }
      // Holds the loop until the child has ended.
      Loop.task {
        for _ in 0..<turns { await Task.yield() }
        var info = siginfo_t()
        waitid(P_PID, id_t(child.pid), &info, WEXITED | WNOWAIT)
      }
      for _ in 0..<5000 where exit == nil { try await Loop.sleep(for: .milliseconds(2)) }
      #expect(exit == .status(0))
    }
  }

  @Test @Loop func `a handle tells whether a process still runs`() async throws {
    let child = try ChildProcess("sleep", ["600"], environment: environment)
    let handle = try #require(ProcessHandle(child.pid))
    #expect(await !handle.waitUntilEnded(within: .milliseconds(30)))
    #expect(handle.signal(SIGKILL))
    #expect(await handle.waitUntilEnded(within: .seconds(30)))
    _ = await child.waitUntilEnded()
    #expect(!handle.signal(SIGTERM))
    #expect(ProcessHandle(child.pid) == nil)
  }
}
