import Glibc

/// When written batches are forced to disk.
enum FlushPolicy: Equatable, Sendable {
  /// All writes of such an interval together.
  case interval(Duration)
  /// As soon as the flush before is done.
  case always
  /// Only when a segment is sealed and at a clean stop, as Apache Kafka does by default.
  case none

  /// How long after a write its flush begins; nil when no write waits for one.
  var delay: Duration? {
    switch self {
    case .interval(let duration): duration
    case .always: .zero
    case .none: nil
    }
  }
}

/// Collects the partitions with unflushed writes and flushes them together (group commit).
///
/// A round: ``begin(now:checkpointAll:)`` on the loop takes what is dirty, ``FlushJob/perform()`` waits for the disk on
/// another thread, ``finish(_:)`` on the loop says which partitions are durable up to where. One round at a time; writes
/// during a round belong to the next.
///
/// When a sync fails, the kernel may already have dropped the dirty pages and a second sync would succeed without them
/// ("fsyncgate"). So the partition is closed for writing until a restart has read its segments again, and what waited
/// for that flush fails: it is never acknowledged.
final class Flusher {
  let policy: FlushPolicy
  private var queued: [PartitionLog] = []
  private var inFlight: [Pending] = []

  private struct Pending {
    let log: PartitionLog
    let segments: [(segment: Segment, checkpointSize: Int?)]
    let nextOffset: Int64
  }

  /// A partition after a round.
  struct Flushed {
    let log: PartitionLog
    /// Why nothing more of it became durable; nil when all that was dirty did, see ``PartitionLog/durableOffset``.
    let failure: LogError?
  }

  /// Checkpoints of active segments per round, so that a round of many partitions stays short.
  private static let checkpointsPerRound = 16

  init(policy: FlushPolicy) { self.policy = policy }

  /// Whether a round would have something to do.
  var hasWork: Bool { !queued.isEmpty }
  /// Whether a round is under way.
  var isBusy: Bool { !inFlight.isEmpty }

  /// Forgets what is queued, with the logs themselves.
  func removeAll() {
    queued.removeAll()
  }

  func queue(_ log: PartitionLog) {
    if log.isQueued { return }
    log.isQueued = true
    queued.append(log)
  }

  /// Begins a round; nil when nothing is dirty or a round is under way. `now` is in milliseconds since 1970.
  ///
  /// With `awaitedOnly`, partitions that nobody waits for are left for a later round: they would only make it longer.
  func begin(now: Int64, awaitedOnly: Bool = false, checkpointAll: Bool = false) -> FlushJob? {
    guard inFlight.isEmpty, let disk = queued.first?.context.disk else { return nil }
    var files: [FlushJob.File] = []
    var checkpoints = Self.checkpointsPerRound
    var postponed: [PartitionLog] = []
    for log in queued {
      if awaitedOnly, !log.isAwaited {
        postponed.append(log)
        continue
      }
      // Found by the start and not opened since: without a free descriptor a later round takes them.
      guard let open = log.openDirty() else {
        postponed.append(log)
        continue
      }
      (log.isQueued, log.isAwaited) = (false, false)
      var taken: [(segment: Segment, checkpointSize: Int?)] = []
      for (segment, file) in zip(log.dirty, open) {
        segment.isDirty = false
        segment.isFlushing = true
        var checkpoint: FlushJob.Checkpoint?
        if segment.isSealed || checkpointAll || (checkpoints > 0 && log.isCheckpointDue(segment, now: now)) {
          if !segment.isSealed { checkpoints -= 1 }
          let producers = segment.producersAtSeal ?? log.producers
          if let state = try? segment.checkpoint(producers: producers) {
            checkpoint = FlushJob.Checkpoint(path: segment.indexPath, bytes: state.encoded())
            segment.checkpointedAt = now
          }
        }
        taken.append((segment, checkpoint == nil ? nil : segment.size))
        files.append(
          FlushJob.File(
            log: inFlight.count, file: file, folder: segment.isLinked ? nil : log.directory, checkpoint: checkpoint))
      }
      log.dirty.removeAll(keepingCapacity: true)
      inFlight.append(Pending(log: log, segments: taken, nextOffset: log.endOffset))
    }
    queued = postponed
    return inFlight.isEmpty ? nil : FlushJob(files: files, disk: disk)
  }

  /// Ends the round; the answer has each of its partitions once.
  func finish(_ result: FlushResult) -> [Flushed] {
    let flushed = inFlight.enumerated().map { number, pending in
      let log = pending.log
      for (segment, checkpointSize) in pending.segments {
        segment.isFlushing = false
        guard result.failures[number] == nil else { continue }
        segment.isLinked = true
        guard let checkpointSize, !result.missedCheckpoints.contains(segment.indexPath) else { continue }
        segment.checkpointSize = checkpointSize
        if segment.isSealed && segment.isCheckpointed { segment.producersAtSeal = nil }
      }
      if let code = result.failures[number] {
        log.failure = .storage("sync", log.directory, code)
        log.context.notice(
          .syncFailed(topic: log.topic, partition: log.partition, reason: log.failure!.message))
      } else if log.failure == nil {
        log.durableOffset = max(log.durableOffset, pending.nextOffset)
      }
      return Flushed(log: log, failure: log.failure)
    }
    if let context = inFlight.first?.log.context {
      context.metrics.flushes += 1
      context.metrics.flushTime += result.duration
      context.metrics.longestFlush = max(context.metrics.longestFlush, result.duration)
      context.metrics.checkpointFailures += result.missedCheckpoints.count
    }
    inFlight.removeAll(keepingCapacity: true)
    return flushed
  }
}

extension PartitionLog {
  /// The open files of the dirty segments; nil when one cannot be opened now.
  func openDirty() -> [OpenFile]? {
    do throws(LogError) {
      var files: [OpenFile] = []
      for segment in dirty { files.append(try segment.file()) }
      return files
    } catch {
      context.notice(.writeFailed(topic: topic, partition: partition, reason: error.message))
      return nil
    }
  }

  /// Whether so much was written, or so long ago, that the next flush should write the segment's checkpoint.
  func isCheckpointDue(_ segment: Segment, now: Int64) -> Bool {
    segment.size - max(0, segment.checkpointSize) >= context.settings.checkpointBytes
      || now - segment.checkpointedAt >= context.settings.checkpointInterval.milliseconds
  }
}

/// The part of a flush that waits for the disk; safe on any thread.
struct FlushJob: Sendable {
  struct Checkpoint: Sendable {
    let path: String
    let bytes: [UInt8]
  }

  struct File: Sendable {
    /// Which of the round's partitions.
    let log: Int
    let file: OpenFile
    /// The folder to sync because the file is new in it.
    let folder: String?
    let checkpoint: Checkpoint?
  }

  let files: [File]
  let disk: Disk

  /// Syncs all files, then the folders with new names, then writes the checkpoints.
  func perform() -> FlushResult {
    let clock = ContinuousClock()
    let start = clock.now
    var result = FlushResult()
    var folders: [String: Int32] = [:]
    for entry in files {
      if disk.sync(entry.file.descriptor) != 0 { result.failures[entry.log] = errno }
      guard let folder = entry.folder else { continue }
      if folders[folder] == nil { folders[folder] = syncFolder(folder) }
      if let code = folders[folder], code != 0 { result.failures[entry.log] = code }
    }
    for entry in files {
      guard let checkpoint = entry.checkpoint, result.failures[entry.log] == nil else { continue }
      do throws(LogError) {
        try disk.replace(checkpoint.path, with: checkpoint.bytes)
      } catch {
        result.missedCheckpoints.insert(checkpoint.path)
      }
    }
    result.duration = clock.now - start
    return result
  }

  private func syncFolder(_ path: String) -> Int32 {
    do throws(LogError) {
      try disk.syncFolder(path)
      return 0
    } catch {
      return EIO
    }
  }
}

/// What the disk said.
struct FlushResult: Sendable {
  /// The errno by number of the partition within the round.
  var failures: [Int: Int32] = [:]
  var missedCheckpoints: Set<String> = []
  var duration = Duration.zero
}
