import Glibc

/// Where the lines of a process go: an open file, written whole lines at a time.
///
/// One lock covers the file and the table of limited places. A pipe whose reader is too slow makes the
/// writer wait if it is blocking; if it is not, the line is given up after 100 ms, so that a log never stops the service.
final class LogSink: @unchecked Sendable {  // all that changes is touched under the lock only
  let format: LogFormat
  private let descriptor: Int32
  private let isColored: Bool
  private let origin: [UInt8]
  private let lock = Lock()
  private var sites: [LogSite: LogSite.State] = [:]

  init(service: String, replica: String?, format: LogFormat, descriptor: Int32) {
    self.format = format
    self.descriptor = descriptor
    isColored = format == .pretty && isatty(descriptor) == 1
    var origin = LogLine(format)
    origin.append(service: service, replica: replica)
    self.origin = origin.bytes
  }

  /// Writes one line whose body `fill` appends; outside the lock, for it runs the caller's descriptions.
  func write(_ level: Log.Level, _ fill: (inout LogLine) -> Void) {
    var line = LogLine(format)
    line.begin(at: wallClockNanoseconds(), level, origin, isColored)
    fill(&line)
    line.end()
    lock.withLock { line.bytes.withUnsafeBytes { put($0) } }
  }

  /// How many lines of `site` were held back if one may be written now, else nil.
  func admit(_ site: LogSite, every interval: Duration) -> Int? {
    let now = ContinuousClock.now
    return lock.withLock {
      guard let state = sites[site], state.last.advanced(by: interval) > now else {
        return sites.updateValue(LogSite.State(last: now, suppressed: 0), forKey: site)?.suppressed ?? 0
      }
      sites[site]!.suppressed += 1
      return nil
    }
  }

  private func put(_ bytes: UnsafeRawBufferPointer) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
      if count >= 0 {
        rest = rest.dropFirst(count)
      } else if errno == EAGAIN {
        var writable = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        if poll(&writable, 1, 100) <= 0 { return }
      } else if errno != EINTR {
        return  // nowhere is left to say so
      }
    }
  }
}

/// A place in the code that logs with a limit.
struct LogSite: Hashable {
  /// When it last wrote, and what it held back since.
  struct State {
    let last: ContinuousClock.Instant
    var suppressed: Int
  }

  private let file: UnsafeRawPointer
  private let line: UInt

  init(file: StaticString, line: UInt) {
    self.file = UnsafeRawPointer(file.utf8Start)
    self.line = line
  }
}

extension LogFormat {
  /// Pretty for a terminal, JSON for all else.
  static func suited(to descriptor: Int32) -> LogFormat { isatty(descriptor) == 1 ? .pretty : .json }
}
