public import Contract
public import EventLoop
public import Kafka
public import Telemetry

/// Tells what a gateway sees of members' devices, many signals at a time.
///
/// **Bounds.** A partition's signals wait 250 ms at most (`linger`), and leave earlier when they fill a batch. While Kafka cannot be
/// reached they are kept up to a bound; beyond it the mere activity of devices is dropped, which the next one mends.
@Loop public final class ActivitySender {
  private static let waitingLimit = 100_000

  private let gateway: UniqueID
  private let pulse: Duration
  private let linger: Duration
  /// Keeps this gateway's batches in order.
  private let gatewayKey: [UInt8]
  private let producer: Producer
  private let log: Log
  private var waiting: [[DeviceSignal]]
  private var waitingCount = 0
  private var lastSent: [ContinuousClock.Instant]
  private var timer: LoopTimer?
  private var isClosed = false
  private let dropped: Counter

  /// Prepares to send as `gateway`, an identifier that is new for each process, to each partition each `pulse` at least.
  /// Throws `KafkaError` for a configuration that is at fault.
  public init(
    _ kafka: KafkaConfiguration, gateway: UniqueID, pulse: Duration = .seconds(10),
    linger: Duration = .milliseconds(250), log: Log, metrics: Metrics
  ) throws {
    (self.gateway, self.pulse, self.linger, self.log) = (gateway, pulse, linger, log)
    gatewayKey = Array(gateway.description.utf8)
    var options = Producer.Options()
    options.guarantee = .leader
    options.deliveryTimeout = .seconds(30)
    options.reportDelay = .milliseconds(50)
    producer = try Producer(kafka, options)
    waiting = Array(repeating: [], count: ActivityBatch.partitions)
    lastSent = Array(repeating: .now - pulse, count: ActivityBatch.partitions)
    dropped = metrics.counter("gateway_signals_dropped_total", "Signals of devices that found no room.")
  }

  /// Begins to send.
  public func start() { timer = Loop.schedule(after: linger) { [weak self] in self?.sendOnTime() } }

  /// Notes what was seen.
  public func note(_ signal: DeviceSignal) {
    guard waitingCount < Self.waitingLimit || signal.kind != .active else { return dropped.add(1) }
    let partition = ActivityBatch.partition(of: signal.member)
    waiting[partition].append(signal)
    waitingCount += 1
    if waiting[partition].count >= ActivityBatch.limit { send(partition) }
  }

  /// Sends what waits, and ends.
  public func close() async {
    isClosed = true
    timer?.cancel()
    for partition in waiting.indices where !waiting[partition].isEmpty { send(partition) }
    try? await producer.close(within: .seconds(2))
  }

  private func sendOnTime() {
    timer?.reset(after: linger)
    let silent = ContinuousClock.now - pulse
    for partition in waiting.indices where !waiting[partition].isEmpty || lastSent[partition] <= silent {
      send(partition)
    }
  }

  private func send(_ partition: Int) {
    let signals = Array(waiting[partition].prefix(ActivityBatch.limit))
    let batch = ActivityBatch(gateway: gateway, partition: partition, at: .now, signals: signals)
    do {
      try producer.send(
        to: producer.topic(MeshTopics.activity), partition: Int32(partition), key: gatewayKey,
        value: batch.bytes
      ) { [log] outcome in
        if case .failure(let error) = outcome {
          log.limited().warning("signals of devices were not delivered", ["error": "\(error)"])
        }
      }
      waiting[partition].removeFirst(signals.count)
      waitingCount -= signals.count
      lastSent[partition] = .now
    } catch {
      // They wait for the next time.
      log.limited().warning("signals of devices were not sent", ["error": "\(error)"])
    }
  }
}
