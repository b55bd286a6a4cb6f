/// What one measured thing, a request or a message, cost a process.
public struct Cost: Codable {
  /// The process's name.
  public let process: String
  /// CPU time for each, in microseconds.
  public let microseconds: Double
  /// How much of a core the process was busy with, in per cent. Whichever is near 100 for each of its threads is the
  /// limit; when all together are near 100 for each core of the machine, the machine is.
  public let busy: Double
}

/// The processes that take part in a measurement.
public struct ProcessCosts {
  private struct Member {
    let name: String
    let process: Int32
    let hasChildren: Bool
  }

  private var members: [Member] = []

  /// Nobody yet.
  public init() {}

  /// Adds a process, with its children where it does its work through them, as PostgreSQL does. Processes of the same
  /// name count as one.
  public mutating func add(_ name: String, _ process: Int32, withChildren: Bool = false) {
    members.append(Member(name: name, process: process, hasChildren: withChildren))
  }

  /// CPU time used up to a moment.
  public struct Mark {
    fileprivate let seconds: [Double]
    fileprivate let at: ContinuousClock.Instant
  }

  /// What has been used up to now.
  public func mark() -> Mark {
    Mark(seconds: members.map { processes(of: $0).map(Machine.cpuSeconds).reduce(0, +) }, at: .now)
  }

  /// What each process has used since `start`, when it did `count` things meanwhile.
  public func costs(since start: Mark, for count: Int) -> [Cost] {
    let now = mark()
    let elapsed = (now.at - start.at) / .seconds(1)
    var names: [String] = []
    var used: [String: Double] = [:]
    for (index, member) in members.enumerated() {
      if used[member.name] == nil { names.append(member.name) }
      used[member.name, default: 0] += max(0, now.seconds[index] - start.seconds[index])
    }
    return names.map { name in
      let seconds = used[name] ?? 0
      return Cost(
        process: name, microseconds: seconds * 1e6 / Double(max(1, count)), busy: seconds / max(elapsed, 0.001) * 100)
    }
  }

  /// The memory of each process that is its own and no file's, as figures in MB.
  public func memory() -> [Figure] {
    members.map { member in
      let bytes = processes(of: member).map(Machine.anonymousMemory).reduce(0, +)
      return Figure("memory of \(member.name) after the load (RssAnon)", Double(bytes) / 1e6, "MB")
    }
  }

  private func processes(of member: Member) -> [Int32] {
    [member.process] + (member.hasChildren ? Machine.children(of: member.process) : [])
  }
}
