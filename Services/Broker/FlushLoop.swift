import EventLoop

/// Has the disk asked on a background thread, round after round, and tells those who wait for it.
///
/// A write that somebody waits for starts a round when the turn ends, of the partitions that are waited for; a write alone
/// starts one of all partitions within the flush interval. What comes during a round shares the next: the slower the
/// disk, the more writes share a flush.
@Loop final class FlushLoop: Flushable {
  /// With `--flush none`, sealed segments are still brought to the disk, but nobody waits for them.
  private static let lazyInterval = Duration.seconds(1)
  private static let drainLimit = Duration.seconds(20)

  private let flusher: Flusher
  private let pool: BackgroundPool
  /// Told of each partition whose records are on disk now, or will never be.
  var flushed: (PartitionLog) -> Void = { _ in }
  private var timer: LoopTimer?
  private var isAskedFor = false
  /// Whether the interval has passed for what nobody waits for.
  private var isDue = false

  init(_ flusher: Flusher, _ pool: BackgroundPool) {
    (self.flusher, self.pool) = (flusher, pool)
  }

  /// Something was written.
  func wanted(byWaiter: Bool) {
    guard flusher.hasWork else { return }
    if byWaiter || flusher.policy == .always {
      if !isAskedFor { Loop.flushAtEndOfTurn(self) }
      isAskedFor = true
    } else if timer?.isArmed != true, !isDue {
      let delay = flusher.policy.delay ?? Self.lazyInterval
      if let timer {
        timer.reset(after: delay)
      } else {
        timer = Loop.schedule(after: delay) { [weak self] in self?.flushAll() }
      }
    }
  }

  private func flushAll() {
    isDue = true
    flush()
  }

  /// Begins a round, unless one is under way, which will begin the next by itself.
  func flush() {
    let takesAll = isDue || flusher.policy == .always
    guard let job = flusher.begin(now: Moment.now.unixMilliseconds, awaitedOnly: !takesAll) else {
      guard !flusher.isBusy else { return }
      // Nothing is left to do, or the process has no descriptors for it just now.
      (isAskedFor, isDue) = (false, false)
      return wanted(byWaiter: false)
    }
    isAskedFor = false
    if takesAll {
      isDue = false
      timer?.cancel()
    }
    Loop.task { [self] in
      let result = await perform(job)
      finish(result)
    }
  }

  private func finish(_ result: FlushResult) {
    for partition in flusher.finish(result) { flushed(partition.log) }
    if isAskedFor || isDue { flush() } else { wanted(byWaiter: false) }
  }

  private func perform(_ job: FlushJob) async -> FlushResult {
    do {
      return try await pool.run { job.perform() }
    } catch {
      preconditionFailure("one round at a time cannot fill the pool: \(error)")
    }
  }

  /// Brings everything to the disk, for a clean stop. Returns when it is there, or after a while without success: the
  /// next start then checks the logs.
  func drain() async {
    timer?.cancel()
    let giveUp = ContinuousClock.now.advanced(by: Self.drainLimit)
    while flusher.isBusy || flusher.hasWork, ContinuousClock.now < giveUp {
      guard let job = flusher.begin(now: Moment.now.unixMilliseconds, checkpointAll: true) else {
        try? await Loop.sleep(for: .milliseconds(1))
        continue
      }
      for partition in flusher.finish(await perform(job)) { flushed(partition.log) }
    }
  }
}
