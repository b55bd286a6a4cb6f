import EventLoop
import Telemetry

/// What the broker counts, for `/metrics`.
@Loop final class BrokerMetrics {
  let all = Metrics()
  let connections: Gauge
  let requests: Counter
  let malformedRequests: Counter
  let bytesOut: Counter
  let recordsOut: Counter
  let waitingFetches: Gauge
  private let heldBytes: Gauge
  private let bytesIn: Counter
  private let recordsIn: Counter
  private let duplicates: Counter
  private let flushes: Counter
  private let flushFailures: Counter
  private let flushSeconds: Gauge
  private let longestFlush: Gauge
  private let writeFailures: Counter
  private let truncations: Counter
  private let damages: Counter
  private let segments: Gauge
  private let logBytes: Gauge
  private let partitions: Gauge
  private let groups: [GroupState: Gauge]

  init() {
    connections = all.gauge("broker_connections", "Clients that are connected.")
    requests = all.counter("broker_requests_total", "Requests received.")
    malformedRequests = all.counter("broker_malformed_requests_total", "Connections closed for not speaking Kafka.")
    bytesOut = all.counter("broker_fetched_bytes_total", "Bytes of record batches handed to consumers.")
    recordsOut = all.counter("broker_fetched_records_total", "Records handed to consumers.")
    waitingFetches = all.gauge("broker_waiting_fetches", "Fetches that wait for records.")
    heldBytes = all.gauge("broker_held_bytes", "Bytes of requests that have not come whole.")
    bytesIn = all.counter("broker_produced_bytes_total", "Bytes of record batches appended.")
    recordsIn = all.counter("broker_produced_records_total", "Records appended.")
    duplicates = all.counter(
      "broker_duplicate_batches_total", "Batches of idempotent producers that were there already.")
    flushes = all.counter("broker_flushes_total", "Rounds of asking the disk.")
    flushFailures = all.counter(
      "broker_flush_failures_total", "Partitions closed since the disk failed to keep records.")
    flushSeconds = all.gauge("broker_flush_seconds_sum", "Time spent asking the disk since the start.")
    longestFlush = all.gauge("broker_flush_seconds_max", "The longest round since the start.")
    writeFailures = all.counter("broker_write_failures_total", "Produces refused since they could not be written.")
    truncations = all.counter("broker_truncations_total", "Unfinished writes cut at start.")
    damages = all.counter("broker_damages_total", "Places where records that had been kept were found damaged.")
    segments = all.gauge("broker_segments", "Segment files.")
    logBytes = all.gauge("broker_log_bytes", "Bytes in all logs.")
    partitions = all.gauge("broker_partitions", "Partitions of all topics.")
    groups = Dictionary(
      uniqueKeysWithValues: GroupState.allCases.filter { $0 != .dead }.map { [all] state in
        (state, all.gauge("broker_groups", "Consumer groups by state.", ["state": state.rawValue]))
      })
  }

  /// The page, with the numbers that the log and the groups keep themselves.
  func render(_ broker: Broker) -> [UInt8] {
    let log = broker.folder.metrics
    for (counter, total) in [
      (bytesIn, log.bytesIn), (recordsIn, log.messagesIn), (duplicates, log.duplicateBatches), (flushes, log.flushes),
      (flushFailures, log.flushFailures), (writeFailures, log.writeFailures), (truncations, log.truncations),
      (damages, log.damages),
    ] { counter.add(total - counter.value) }
    flushSeconds.set(log.flushTime / .seconds(1))
    longestFlush.set(log.longestFlush / .seconds(1))
    segments.set(log.segments)
    heldBytes.set(broker.heldBytes)
    let hosted = broker.topics.all.flatMap(\.partitions)
    partitions.set(hosted.count)
    logBytes.set(hosted.reduce(0) { $0 + $1.log.size })
    let counts = broker.coordinator.registry.counts
    for (state, gauge) in groups { gauge.set(counts[state] ?? 0) }
    return all.render()
  }
}
