import Glibc

/// Retires whole segments that are too old or too many, as `cleanup.policy=delete` asks.
///
/// The active segment is first sealed when all of it has expired. A segment goes only when the name of the one after it
/// is durable: otherwise a crash could leave a log that begins again at offset 0.
extension PartitionLog {
  /// Seals the active segment when its age asks for it, and takes expired ones out of the log.
  ///
  /// At most `limit` segments go per call; answers the files to remove. `now` is in milliseconds since 1970.
  func retire(now: Int64, limit: Int = 8) -> [String] {
    guard failure == nil else { return [] }
    if isActiveAged(now: now) || (active.size > 0 && isExpired(active, now: now)) {
      // Without room for a new segment the next call tries again.
      do throws(LogError) {
        try roll()
      } catch {
        context.notice(.writeFailed(topic: topic, partition: partition, reason: error.message))
      }
    }
    guard config.cleanup.contains(.delete) else { return [] }
    var removed: [String] = []
    var size = size
    while segments.count > 1, removed.count < limit, segments[1].isLinked, segments[0].mayClose,
      isExpired(segments[0], now: now) || config.retentionBytes.map({ size - segments[0].size >= $0 }) ?? false
    {
      let segment = segments.removeFirst()
      size -= segment.size
      removed.append(segment.setAside())
      context.metrics.segments -= 1
      context.metrics.segmentsRetired += 1
    }
    return removed
  }

  private func isExpired(_ segment: Segment, now: Int64) -> Bool {
    guard config.cleanup.contains(.delete), let retention = config.retention else { return false }
    // Batches without a timestamp count from when the segment was begun.
    let latest = segment.maxTimestamp >= 0 ? segment.maxTimestamp : segment.startedAt
    return now - latest > retention.milliseconds
  }
}

extension Segment {
  /// Takes the segment's files out of the log by renaming them; slices of it stay readable. Answers what to remove.
  func setAside() -> String {
    discard()
    let aside = path + ".deleted"
    unlink(indexPath)
    return rename(path, aside) == 0 ? aside : path
  }
}

extension DataFolder {
  /// Seals aged segments, retires expired ones and forgets silent producers in all partitions; nil when no file is to
  /// be removed. To be called every few seconds to minutes; bounded work per partition.
  func retire(now: Int64) -> Removal? {
    var removed: [String] = []
    for topic in topics.values {
      for log in topic.partitions {
        removed += log.retire(now: now)
        log.producers.forget(before: now - context.settings.producerExpiry.milliseconds)
      }
    }
    return removed.isEmpty ? nil : Removal(paths: removed)
  }
}
