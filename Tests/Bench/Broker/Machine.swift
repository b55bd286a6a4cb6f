import Foundation
import Glibc

/// Facts about the machine and its processes, from `/proc`.
enum Machine {
  static var facts: [(String, String)] {
    [
      ("processor", "\(onlineProcessors) × \(field("model name", in: "/proc/cpuinfo") ?? "unknown")"),
      ("memory", field("MemTotal", in: "/proc/meminfo") ?? "unknown"),
      ("kernel", text("/proc/sys/kernel/osrelease").trimmingCharacters(in: .whitespacesAndNewlines)),
      ("load before", text("/proc/loadavg").split(separator: " ").prefix(3).joined(separator: " ")),
    ]
  }

  static var onlineProcessors: Int { ProcessInfo.processInfo.activeProcessorCount }

  /// CPU time that a process has used, all threads, user and system.
  static func cpuSeconds(of process: Int32) -> Double {
    // The name in parentheses may contain blanks, so count from after it. Fields 14 and 15 are in clock ticks.
    guard let rest = text("/proc/\(process)/stat").split(separator: ")").last else { return 0 }
    let fields = rest.split(separator: " ")
    guard fields.count > 13, let user = Double(fields[11]), let system = Double(fields[12]) else { return 0 }
    return (user + system) / Double(sysconf(CInt(_SC_CLK_TCK)))
  }

  /// Memory that belongs to a process alone and is not a file's, in bytes.
  static func anonymousMemory(of process: Int32) -> Int {
    let kilobytes = field("RssAnon", in: "/proc/\(process)/status").flatMap { Int($0.split(separator: " ")[0]) }
    return (kilobytes ?? 0) << 10
  }

  private static func text(_ path: String) -> String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }

  private static func field(_ name: String, in path: String) -> String? {
    text(path).split(separator: "\n").first { $0.hasPrefix(name) }?.split(separator: ":").last
      .map { $0.trimmingCharacters(in: .whitespaces) }
  }
}
