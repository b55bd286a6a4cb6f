import Foundation
import Glibc

/// A server that the tests start for themselves, in a private folder, and that never outlives them.
///
/// A small shell is the server's parent. It takes commands over a pipe (`start`, `stop`, `kill`, `run`), and ends the server
/// and removes the folder when the pipe closes, which happens when the test process ends, however it ends.
public final class ServerProcess: @unchecked Sendable {
  // Sendable by hand: `commands` and `answers` are used by one command at a time, under `lock`.

  /// A server that would not start, with what it wrote.
  public struct Failure: Error, CustomStringConvertible {
    /// What happened.
    public let description: String
  }

  /// The private folder. Its `server.log` holds what the server wrote.
  public let folder: String
  private static let starting = NSLock()
  private let lock = NSLock()
  private let commands: FileHandle
  private let answers: UnsafeMutablePointer<FILE>

  /// Makes the folder and starts the shell.
  ///
  /// - Parameters:
  ///   - prepare: A shell command that is run once, in the folder.
  ///   - run: The shell command that becomes the server.
  ///   - probe: A shell command that succeeds once the server answers.
  ///   - end: The signal that ends the server for good. (A shell's background children ignore `QUIT` unless they say otherwise.)
  ///   - user: Whom to become when the tests run as root, for servers that refuse root.
  public init(
    _ name: String, prepare: String = ":", run: String, probe: String, end: String = "KILL", user: String? = nil
  )
    throws
  {
    var template = Array("/tmp/\(name)-XXXXXX".utf8CString)
    guard let path = mkdtemp(&template) else { throw Failure(description: "mkdtemp: \(errno)") }
    folder = String(cString: path)
    let lowered = user.flatMap { getuid() == 0 ? "setpriv --reuid=\($0) --regid=\($0) --clear-groups " : nil } ?? ""
    let script = """
      trap '' INT TERM
      cd '\(folder)' || exit 1
      exec 2>>shell.log
      \(lowered.isEmpty ? ":" : "chown \(user ?? "root") .")
      prepare() { \(lowered)sh -c "$1" >>prepare.log 2>&1; }
      running() { [ -n "$pid" ] && kill -0 $pid 2>/dev/null; }
      end() { running && kill -$1 $pid; wait $pid 2>/dev/null; pid=; }
      start() {
        \(lowered)\(run) >>server.log 2>&1 </dev/null &
        pid=$!
        tries=0
        until \(probe) >/dev/null 2>&1; do
          tries=$((tries + 1))
          running && [ $tries -lt 600 ] || return 1
          sleep 0.05
        done
      }
      prepare '\(prepare)' || echo failed
      while read -r command argument; do
        case $command in
          run) sh -c "$argument" >run.log 2>&1 </dev/null && echo 0 || echo failed ;;
          start) start && echo "$pid" || echo failed ;;
          stop) end INT; echo 0 ;;
          kill) end KILL; echo 0 ;;
        esac
      done
      end \(end)
      cd / && rm -rf '\(folder)'
      """
    var toShell: [CInt] = [0, 0]
    var fromShell: [CInt] = [0, 0]
    // One at a time, so that no other server's shell inherits the pipe before it is marked.
    Self.starting.lock()
    defer { Self.starting.unlock() }
    guard pipe(&toShell) == 0, pipe(&fromShell) == 0 else { throw Failure(description: "pipe: \(errno)") }
    for descriptor in toShell + fromShell { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, toShell[0], 0)
    posix_spawn_file_actions_adddup2(&actions, fromShell[1], 1)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // A group of its own, so that an interrupt from the keyboard does not reach it; and no blocked signals.
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK))
    var arguments = ["sh", "-c", script].map { (text: String) in strdup(text) } + [nil]
    defer { for argument in arguments { free(argument) } }
    var shell: pid_t = 0
    let status = posix_spawn(&shell, "/bin/sh", &actions, &attributes, &arguments, environ)
    close(toShell[0])
    close(fromShell[1])
    guard status == 0, let answers = fdopen(fromShell[0], "r") else { throw Failure(description: "sh: \(status)") }
    commands = FileHandle(fileDescriptor: toShell[1], closeOnDealloc: true)
    self.answers = answers
  }

  deinit { fclose(answers) }

  /// Starts the server, waits until it answers, and returns its process id.
  @discardableResult
  public func start() async throws -> pid_t { try await command("start") }

  /// Asks the server to end (`SIGINT`) and waits until it has.
  public func stop() async throws { _ = try await command("stop") }

  /// Kills the server (`SIGKILL`).
  public func kill() async throws { _ = try await command("kill") }

  /// Runs a program with arguments in the folder, and waits until it has ended well.
  public func run(_ program: String, _ arguments: [String]) async throws {
    let words = [program] + arguments
    let quoted = words.map {
      "'" + $0.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#) + "'"
    }
    let line = quoted.joined(separator: " ")
    precondition(!line.contains("\n"), "a command is one line")
    _ = try await command("run " + line)
  }

  /// Runs on a thread of its own, as it blocks.
  private func command(_ word: String) async throws -> pid_t {
    try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread { [self] in
        lock.lock()
        defer { lock.unlock() }
        commands.write(Data("\(word)\n".utf8))
        var line: UnsafeMutablePointer<CChar>?
        var capacity = 0
        defer { free(line) }
        let length = getline(&line, &capacity, answers)
        let answer = length > 0 ? String(cString: line!).trimmingCharacters(in: .whitespacesAndNewlines) : ""
        if let pid = pid_t(answer) { return continuation.resume(returning: pid) }
        let logs = ["prepare.log", "server.log", "run.log"].compactMap {
          try? String(contentsOfFile: "\(folder)/\($0)", encoding: .utf8)
        }
        continuation.resume(throwing: Failure(description: "\(word) failed in \(folder): \(logs.joined())"))
      }
    }
  }
}
