import EventLoop
import Foundation

/// The processes of this clone, kept in a file so that the next `up` or `down` finds what a killed supervisor left.
@Loop final class ProcessTable {
  /// A process, told from a later one with the same number by the time at which it began.
  struct Entry: Codable, Equatable {
    let name: String
    let pid: pid_t
    /// Clock ticks from the machine's start to the process's.
    let began: UInt64
  }

  private let path: String
  private(set) var entries: [Entry]

  init(_ folder: MeshFolder) {
    path = folder.processes
    let data = FileManager.default.contents(atPath: path)
    entries = data.flatMap { try? JSONDecoder().decode([Entry].self, from: $0) } ?? []
  }

  func add(_ name: String, _ pid: pid_t) {
    entries.append(Entry(name: name, pid: pid, began: ProcessFacts.began(pid) ?? 0))
    save()
  }

  func remove(_ pid: pid_t) {
    entries.removeAll { $0.pid == pid }
    save()
  }

  private func save() {
    // A full disk must not end the supervisor; the table is only for when it is killed.
    guard let data = try? JSONEncoder().encode(entries) else { return }
    try? replaceFile(path, with: data)
  }

  /// The supervisor that wrote the table, as long as it lives.
  var supervisor: ProcessHandle? { entries.first { $0.name == Supervisor.name }.flatMap(Self.find) }

  /// The names of those that still run.
  var running: [String] { entries.filter { Self.find($0) != nil }.map(\.name) }

  /// Ends every process of the table that still runs, the last started first, and returns their names.
  func endAll(grace: Duration) async -> [String] {
    var ended: [String] = []
    for entry in entries.reversed() {
      guard let process = Self.find(entry) else { continue }
      ended.append(entry.name)
      // PostgreSQL takes this as "do not wait for clients"; the others are mesh programs or Redis, which end on SIGTERM.
      process.signal(entry.name == PostgresCluster.name ? SIGINT : SIGTERM)
      if await !process.waitUntilEnded(within: grace) {
        process.signal(SIGKILL)
        _ = await process.waitUntilEnded(within: .seconds(5))
      }
    }
    entries = []
    save()
    return ended
  }

  /// The process of an entry, if it still is that process.
  private static func find(_ entry: Entry) -> ProcessHandle? {
    // The descriptor is taken first: what is read after that is about the process it stands for.
    guard let process = ProcessHandle(entry.pid), ProcessFacts.began(entry.pid) == entry.began else { return nil }
    return process
  }
}

/// What the kernel tells about a process.
enum ProcessFacts {
  /// When it began, in clock ticks since the machine started (`proc(5)`, field 22 of `stat`). Nil when it is gone or dead.
  static func began(_ pid: pid_t) -> UInt64? {
    guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
      let end = text.lastIndex(of: ")")
    else { return nil }
    let fields = text[text.index(after: end)...].split(separator: " ")
    guard fields.count > 19, fields[0] != "Z" else { return nil }
    return UInt64(fields[19])
  }

  /// Whether the working folder of any process that may be looked at is `folder`.
  static func isAnyone(in folder: String) -> Bool {
    guard let real = realpath(folder, nil) else { return false }
    defer { free(real) }
    let folder = String(cString: real)
    let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return processes.contains { name in
      pid_t(name) != nil && (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(name)/cwd")) == folder
    }
  }

  /// Memory of its own that is in use, in bytes, without files that could be read again. Nil when it is gone.
  static func anonymousMemory(_ pid: pid_t) -> Int? {
    guard let text = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8) else { return nil }
    let line = text.split(separator: "\n").first { $0.hasPrefix("RssAnon:") }
    return line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }.map { $0 * 1024 }
  }
}
