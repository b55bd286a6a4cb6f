import EventLoop
import Telemetry

/// Housekeeping of the logs, a little at a time: retention, compaction, and removing the files of what is gone.
///
/// Decisions are made on the loop; reading, writing and removing whole files happens on background threads.
@Loop final class Maintenance {
  private static let interval = Duration.seconds(5)

  private let folder: DataFolder
  private let pool: BackgroundPool
  private let log: Log
  private var timer: LoopTimer?
  /// The one compaction under way, or the last one.
  private var compaction: Task<Void, Never>?

  init(_ folder: DataFolder, _ pool: BackgroundPool, _ log: Log) {
    (self.folder, self.pool, self.log) = (folder, pool, log)
  }

  func start() {
    timer = Loop.schedule(after: Self.interval) { [weak self] in self?.look() }
  }

  private func look() {
    if let removal = folder.retire(now: Moment.now.unixMilliseconds) { remove(removal) }
    if compaction == nil, let job = folder.nextCompaction(now: Moment.now.unixMilliseconds) {
      compaction = Task { @Loop in await compact(job) }
    }
    start()
  }

  private func compact(_ job: CompactionJob) async {
    // A full pool refuses: the next look tries again.
    if let result = try? await pool.run({ job.perform() }), let removal = folder.finishCompaction(result) {
      remove(removal)
    }
    compaction = nil
  }

  /// Removes files in the background. What a crash leaves over is removed by the next start.
  func remove(_ removal: Removal) {
    Loop.task { [self] in
      do {
        try await pool.run { removal.perform() }
      } catch {
        log.warning("files will be removed at the next start", ["count": removal.paths.count, "reason": "\(error)"])
      }
    }
  }

  /// Looks no more, and waits for the compaction under way.
  func stop() async {
    timer?.cancel()
    await compaction?.value
  }
}
