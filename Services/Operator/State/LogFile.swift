import EventLoop
import Foundation
import Glibc

/// The log of one process: a pipe that the process writes to, and the file that the supervisor writes from it.
///
/// The file is put aside as `NAME.log.1` when it is full, and replaces the one put aside before, so that a log never takes
/// more than twice `limit`.
@Loop final class LogFile {
  /// How large one file grows, in bytes.
  private static let limit = 16 << 20

  let path: String
  private var pipe: OutputPipe?
  private var file: CInt = -1
  private var size = 0

  /// Opens the log and begins to listen. Throws `Failure` or `ProcessError`.
  init(_ path: String) throws {
    self.path = path
    try openFile()
    pipe = try OutputPipe { self.append($0) }
  }

  /// What processes get as their output; -1 once closed.
  var input: CInt { pipe?.input ?? -1 }

  private func openFile() throws(Failure) {
    file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw Failure("cannot open \(path): \(String(cString: strerror(errno)))") }
    size = Int(lseek(file, 0, SEEK_END))
  }

  private func append(_ bytes: UnsafeRawBufferPointer) {
    if size > Self.limit {
      Glibc.close(file)
      rename(path, "\(path).1")
      // Without a file to write to, output is dropped: a service goes on without its log.
      try? openFile()
    }
    size += max(0, write(file, bytes.baseAddress, bytes.count))
  }

  /// Takes what is left and closes everything.
  func close() {
    pipe?.drain()
    pipe?.close()
    pipe = nil
    Glibc.close(file)
  }

  /// The last lines that were written, for a message that says why something failed.
  func tail(_ count: Int) -> [String] {
    pipe?.drain()
    return lastLines(count, of: path)
  }
}

/// The last `count` lines of a file, looked for in its last 256 KiB; none when it cannot be read.
func lastLines(_ count: Int, of path: String) -> [String] {
  guard count > 0, let file = FileHandle(forReadingAtPath: path), let size = try? file.seekToEnd() else { return [] }
  let window: UInt64 = 256 << 10
  try? file.seek(toOffset: size > window ? size - window : 0)
  guard let data = try? file.readToEnd() else { return [] }
  return String(decoding: data, as: UTF8.self).split(separator: "\n").suffix(count).map(String.init)
}
