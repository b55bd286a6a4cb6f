import Foundation
import Glibc

/// Facts about the machine and its processes, from `/proc`.
public enum Machine {
  /// Processor, memory, kernel and load, each with its name.
  public static var facts: [(String, String)] {
    [
      ("processor", "\(onlineProcessors) × \(field("model name", in: "/proc/cpuinfo") ?? "unknown")"),
      ("memory", field("MemTotal", in: "/proc/meminfo") ?? "unknown"),
      ("kernel", text("/proc/sys/kernel/osrelease").trimmingCharacters(in: .whitespacesAndNewlines)),
      ("load before", text("/proc/loadavg").split(separator: " ").prefix(3).joined(separator: " ")),
    ]
  }

  private static var onlineProcessors: Int { ProcessInfo.processInfo.activeProcessorCount }

  /// CPU time that a process has used, all threads, ended ones too, user and system.
  public static func cpuSeconds(of process: Int32) -> Double {
    // The name in parentheses may contain blanks, so count from after it. Fields 14 and 15 are in clock ticks.
    guard let rest = text("/proc/\(process)/stat").split(separator: ")").last else { return 0 }
    let fields = rest.split(separator: " ")
    guard fields.count > 13, let user = Double(fields[11]), let system = Double(fields[12]) else { return 0 }
    return (user + system) / Double(sysconf(CInt(_SC_CLK_TCK)))
  }

  /// CPU time that a process's living threads have used: finer than clock ticks, for processes that do little.
  public static func fineCPUSeconds(of process: Int32) -> Double {
    let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task")) ?? []
    let nanoseconds = threads.map { thread in
      text("/proc/\(process)/task/\(thread)/schedstat").split(separator: " ").first.flatMap { Double($0) } ?? 0
    }
    return nanoseconds.reduce(0, +) / 1e9
  }

  /// The processes that a process has started and that still run.
  public static func children(of process: Int32) -> [Int32] {
    let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task")) ?? []
    return threads.flatMap {
      text("/proc/\(process)/task/\($0)/children").split(separator: " ").compactMap { Int32($0) }
    }
  }

  /// How fast files grow in the folder for temporary files, in bytes per second. The first pass of two only touches
  /// the memory of the page cache, which virtual machines get slowly.
  public static func fileWriteSpeed() throws -> Double {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("bench-\(UUID().uuidString)")
    let block = Data(count: 1 << 20)
    var seconds = 0.0
    for _ in 0..<2 {
      guard FileManager.default.createFile(atPath: file.path, contents: nil) else { return 0 }
      defer { try? FileManager.default.removeItem(at: file) }
      let handle = try FileHandle(forWritingTo: file)
      let start = ContinuousClock.now
      for _ in 0..<2048 { try handle.write(contentsOf: block) }
      seconds = (ContinuousClock.now - start) / .seconds(1)
      try handle.close()
    }
    return Double(2048 << 20) / seconds
  }

  /// Memory that belongs to a process alone and is not a file's, in bytes.
  public static func anonymousMemory(of process: Int32) -> Int {
    let kilobytes = field("RssAnon", in: "/proc/\(process)/status").flatMap { Int($0.split(separator: " ")[0]) }
    return (kilobytes ?? 0) << 10
  }

  private static func text(_ path: String) -> String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }

  private static func field(_ name: String, in path: String) -> String? {
    text(path).split(separator: "\n").first { $0.hasPrefix(name) }?.split(separator: ":").last
      .map { $0.trimmingCharacters(in: .whitespaces) }
  }
}
