import EventLoop
import Telemetry

/// Work that each replica of a service does again and again, between its start and its end. Never twice at once; what it
/// throws is logged, and the next time comes all the same.
@Loop final class Repetition {
  private let interval: Duration
  private let name: String
  private let log: Log
  private let work: @Loop () async throws -> Void
  private var timer: LoopTimer?
  private var running: Promise<Void>?
  private var isStopped = false

  init(every interval: Duration, _ name: String, log: Log, work: @escaping @Loop () async throws -> Void) {
    (self.interval, self.name, self.log, self.work) = (interval, name, log, work)
  }

  /// Begins; the first time comes after one interval.
  func start() { timer = Loop.schedule(after: interval) { [weak self] in self?.runOnce() } }

  /// Lets what is under way end; nothing is begun any more.
  func stop() async {
    isStopped = true
    timer?.cancel()
    try? await running?.value
  }

  private func runOnce() {
    let done = Promise<Void>()
    running = done
    Loop.task { [self] in
      do {
        try await work()
      } catch {
        log.limited().warning("what is done again and again has failed", ["what": name, "error": "\(error)"])
      }
      done.fulfil(())
      running = nil
      if !isStopped { timer?.reset(after: interval) }
    }
  }
}
