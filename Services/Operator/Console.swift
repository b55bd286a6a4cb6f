import Glibc

/// What `mesh` returns to whoever called it.
enum ExitCode {
  /// It was done.
  static let done: CInt = 0
  /// A step failed, or not all is ready.
  static let failed: CInt = 1
  /// The command line is wrong.
  static let usage: CInt = 2
  /// Nothing runs here.
  static let notRunning: CInt = 3
}

/// Something that could not be done: what, why, and what to do about it.
struct Failure: Error, CustomStringConvertible {
  /// What happened, to what, and why.
  let problem: String
  /// What to do, as a sentence; nil when there is no advice.
  let advice: String?
  let exitCode: CInt

  init(_ problem: String, advice: String? = nil, exitCode: CInt = ExitCode.failed) {
    (self.problem, self.advice, self.exitCode) = (problem, advice, exitCode)
  }

  var description: String { advice.map { "\(problem)\n\($0)" } ?? problem }

  static let notRunning = Failure(
    "nothing runs from this folder", advice: "Start it with ./mesh up.", exitCode: ExitCode.notRunning)
}

/// The terminal of whoever typed the command.
enum Console {
  static func say(_ line: String = "") { write("\(line)\n", to: STDOUT_FILENO) }

  static func fail(_ message: String) { write("mesh: \(message)\n", to: STDERR_FILENO) }

  /// A command that feeds a pipe may have lost its reader; then there is nobody left to tell.
  private static func write(_ text: String, to descriptor: CInt) {
    var text = text
    text.withUTF8 { bytes in
      var rest = UnsafeRawBufferPointer(bytes)[...]
      while !rest.isEmpty {
        let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
        guard count >= 0 || errno == EINTR else { return }
        rest = rest.dropFirst(max(count, 0))
      }
    }
  }
}

extension Duration {
  /// Whole milliseconds, for people.
  var inMilliseconds: String { "\(components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000) ms" }

  /// Seconds with one digit after the point, for people.
  var inSeconds: String {
    let tenths = (self / .milliseconds(100)).rounded()
    return "\(Int(tenths) / 10).\(Int(tenths) % 10) s"
  }
}
