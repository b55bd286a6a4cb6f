import CChecksum

/// What all partitions of one data folder share: limits, the disk, open files, counters, and where notices go.
///
/// Everything in `Log/` belongs to the one thread that runs the broker's event loop; reads and writes touch the page
/// cache only. What waits for the disk is handed out as a Sendable job (``FlushJob``, ``CompactionJob``, ``Removal``)
/// whose `perform()` may run on any thread, one at a time of each kind.
final class LogContext {
  let settings: LogSettings
  let disk: Disk
  let files: FileCache
  let flusher: Flusher
  var metrics = LogMetrics()
  private let report: (LogNotice) -> Void
  /// Where heads of batches are read to; one use at a time.
  let scratch: UnsafeMutableRawBufferPointer

  init(settings: LogSettings, disk: Disk, report: @escaping (LogNotice) -> Void) {
    self.settings = settings
    self.disk = disk
    self.report = report
    files = FileCache(capacity: settings.openFiles)
    flusher = Flusher(policy: settings.flush)
    scratch = .allocate(byteCount: 256 << 10, alignment: 16)
  }

  deinit { scratch.deallocate() }

  func notice(_ notice: LogNotice) {
    switch notice {
    case .tailCut(_, _, _, let bytes):
      metrics.truncations += 1
      metrics.truncatedBytes += bytes
    case .damaged(_, _, _, _, let bytes, _):
      metrics.damages += 1
      metrics.damagedBytes += bytes
    case .unreadable: metrics.damages += 1
    case .writeFailed: metrics.writeFailures += 1
    case .syncFailed: metrics.flushFailures += 1
    case .missingPartition: metrics.damages += 1
    case .compactionFailed: metrics.compactionFailures += 1
    }
    report(notice)
  }
}

/// Limits of the log.
struct LogSettings: Sendable {
  /// When written batches are forced to disk.
  var flush = FlushPolicy.interval(.milliseconds(5))
  /// Segment files kept open; those with unflushed data come on top. The process limit (RLIMIT_NOFILE) must leave
  /// room for these besides the connections.
  var openFiles = 512
  /// Idempotent producers remembered per partition; beyond that the one silent longest is forgotten.
  var producersPerPartition = 4096
  /// An idempotent producer silent for so long is forgotten.
  var producerExpiry = Duration.seconds(24 * 3600)
  /// After so many new bytes the next flush also writes the segment's checkpoint.
  var checkpointBytes = 64 << 20
  /// After so long the next flush of new bytes also writes the segment's checkpoint.
  var checkpointInterval = Duration.seconds(30)
  /// Partitions a topic may have.
  var partitionsPerTopic = 1000
}

/// What the log counted since the start.
struct LogMetrics: Equatable, Sendable {
  var bytesIn = 0
  var messagesIn = 0
  var batchesIn = 0
  var duplicateBatches = 0
  var segments = 0
  var flushes = 0
  var flushFailures = 0
  var flushTime = Duration.zero
  var longestFlush = Duration.zero
  /// Checkpoints that could not be written: the next start reads more, nothing is lost.
  var checkpointFailures = 0
  var writeFailures = 0
  var truncations = 0
  var truncatedBytes = 0
  var damages = 0
  var damagedBytes = 0
  var segmentsRetired = 0
  var compactions = 0
  var compactionFailures = 0
  var bytesCompactedAway = 0
}

/// Something an operator should read; one line each.
enum LogNotice: Equatable, Sendable, CustomStringConvertible {
  /// A start cut unfinished bytes that were written after the last checkpoint.
  case tailCut(topic: String, partition: Int32, offset: Int64, bytes: Int)
  /// Records that had been written are gone: offsets `from` up to `to` are lost, the bytes kept in a file beside the log.
  case damaged(topic: String, partition: Int32, from: Int64, to: Int64, bytes: Int, keptIn: String)
  /// A read met bytes that are no batch.
  case unreadable(topic: String, partition: Int32, offset: Int64, reason: String)
  /// A produce was refused since its bytes could not be written.
  case writeFailed(topic: String, partition: Int32, reason: String)
  /// The disk failed to keep written bytes; the partition takes no more until a restart has checked it.
  case syncFailed(topic: String, partition: Int32, reason: String)
  /// A compaction ended without effect; it is tried again later.
  case compactionFailed(topic: String, partition: Int32, reason: String)
  /// The folder of a partition is gone; it begins anew, empty.
  case missingPartition(topic: String, partition: Int32)

  var description: String {
    switch self {
    case .tailCut(let topic, let partition, let offset, let bytes):
      "\(topic)/\(partition): cut \(bytes) bytes of an unfinished write at offset \(offset)"
    case .damaged(let topic, let partition, let from, let to, let bytes, let file):
      """
      \(topic)/\(partition): DAMAGE: offsets \(from) up to \(to) (exclusive) are lost; the \(bytes) bytes found there are kept in \(file)
      """
    case .unreadable(let topic, let partition, let offset, let reason):
      "\(topic)/\(partition): DAMAGE: cannot read at offset \(offset): \(reason); restart the broker to repair the segment"
    case .writeFailed(let topic, let partition, let reason):
      "\(topic)/\(partition): refused a produce: \(reason)"
    case .syncFailed(let topic, let partition, let reason):
      "\(topic)/\(partition): closed for writing until a restart: \(reason)"
    case .compactionFailed(let topic, let partition, let reason):
      "\(topic)/\(partition): not compacted: \(reason)"
    case .missingPartition(let topic, let partition):
      "\(topic)/\(partition): DAMAGE: its folder is missing; the partition begins anew at offset 0"
    }
  }
}

extension Duration {
  /// Whole milliseconds, rounded down; as Kafka's timestamps and settings count.
  var milliseconds: Int64 {
    let (seconds, attoseconds) = components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1000)
    return overflow ? (seconds < 0 ? .min : .max) : product &+ attoseconds / 1_000_000_000_000_000
  }
}

/// The CRC-32C of `bytes`, continuing from `crc`.
func crc32c(_ bytes: UnsafeRawBufferPointer, from crc: UInt32 = 0) -> UInt32 {
  checksum_crc32c(crc, bytes.baseAddress, bytes.count)
}
