import EventLoop
import Foundation

extension Command {
  /// Shows the last lines of one log or of all, and what is added when asked to follow.
  @Loop func showLogs(_ folder: MeshFolder, _ name: String?, follow: Bool, lines: Int) async throws -> CInt {
    let found = try Self.logs(folder, name)
    // Names stand before the lines only where there are several.
    let width = found.count > 1 ? found.map(\.count).max() ?? 0 : 0
    var followed: [Followed] = []
    for log in found {
      let label = width == 0 ? "" : log.padding(toLength: width, withPad: " ", startingAt: 0) + "  "
      followed.append(Followed(path: folder.log(of: log), label: label))
      for line in lastLines(lines, of: folder.log(of: log)) { Console.say(label + line) }
    }
    while follow {
      for log in followed { log.showNew() }
      try await Loop.sleep(for: .milliseconds(200))
    }
    return ExitCode.done
  }

  /// The logs meant by `name`: a replica, a service with all its replicas, or nil for all.
  private static func logs(_ folder: MeshFolder, _ name: String?) throws(Failure) -> [String] {
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.logs)) ?? []
    let all = files.filter { $0.hasSuffix(".log") }.map { String($0.dropLast(4)) }.sorted()
    let found = all.filter { name == nil || $0 == name || $0.hasPrefix("\(name ?? "").") }
    guard !found.isEmpty else {
      guard let name, !all.isEmpty else { throw Failure.notRunning }
      throw Failure(
        "there is no log of '\(name)'", advice: "There are: \(all.joined(separator: ", ")).", exitCode: ExitCode.usage)
    }
    return found
  }
}

/// A log file that is read as it grows.
@Loop private final class Followed {
  private let path: String
  private let label: String
  private var offset: UInt64
  private var rest = ""

  init(path: String, label: String) {
    (self.path, self.label) = (path, label)
    offset = (try? FileHandle(forReadingAtPath: path)?.seekToEnd()) ?? 0
  }

  func showNew() {
    guard let file = FileHandle(forReadingAtPath: path), let size = try? file.seekToEnd() else { return }
    if size < offset { offset = 0 }  // put aside and begun anew
    try? file.seek(toOffset: offset)
    guard let data = try? file.read(upToCount: 1 << 20), !data.isEmpty else { return }
    offset += UInt64(data.count)
    var lines = (rest + String(decoding: data, as: UTF8.self)).split(separator: "\n", omittingEmptySubsequences: false)
    rest = String(lines.removeLast())
    for line in lines { Console.say(label + line) }
  }
}
