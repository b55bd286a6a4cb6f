import Contract
import EventLoop
import Kafka
import Postgres
import Telemetry

/// Keeps compacted topics equal to what the service's transactions have shared.
///
/// **Overview.** `mesh_shared_state` holds the last value of each key. Whatever has changed since Kafka last acknowledged
/// it is published: at once after a commit, and by a look each second for what other processes left behind.
///
/// **Invariants.** Whoever publishes a key holds a lease on it that is longer than a message can be on its way, so that
/// values of one key never overtake one another: the last value in the topic is the last one committed. A value that is
/// replaced before it was published may never be seen. The table keeps only keys that have a value, so the topic can be
/// made anew from it.
@Loop final class StatePublisher {
  private static let interval = Duration.seconds(1)
  private static let deliveryTimeout = Duration.seconds(4)
  private static let lease = deliveryTimeout + .seconds(1)
  private static let batch = 200

  private let database: Database
  private let log: Log
  private let count: Counter
  private var producer: Producer?
  private var topics: [String] = []
  private var timer: LoopTimer?
  private var isLooking = false
  private var looksAgain = false
  private var isClosed = false

  private struct Record: Sendable {
    let topic: String
    let key: String
    let version: Int64
    let value: String?
    let lease: Timestamp
  }

  init(_ database: Database, log: Log, metrics: Metrics) {
    (self.database, self.log) = (database, log)
    count = metrics.counter("mesh_states_published_total", "Values of shared state that Kafka has acknowledged.")
  }

  /// Enters a topic. Before `start`.
  func add(_ topic: String) { topics.append(topic) }

  /// The topics to make: compacted, and with one partition, since whoever reads one reads it whole.
  var newTopics: [Admin.NewTopic] {
    topics.map { Admin.NewTopic($0, partitions: 1, settings: ["cleanup.policy": "compact"]) }
  }

  /// Publishes what is due, then begins to look after it. Throws when Kafka or the database is not there.
  func start(_ kafka: KafkaConfiguration) async throws {
    guard !topics.isEmpty else { return }
    var options = Producer.Options()
    options.deliveryTimeout = Self.deliveryTimeout
    producer = try Producer(kafka, options)
    while try await publishDue() == Self.batch {}
    timer = Loop.schedule(after: Self.interval) { [weak self] in self?.look() }
  }

  /// Ends; what is under way is published or left to others.
  func stop(within limit: Duration) async {
    isClosed = true
    timer?.cancel()
    do { try await producer?.close(within: limit) } catch {
      log.warning("shared state was not published; another replica will", ["error": "\(error)"])
    }
  }

  /// Something has been shared and committed: looks now.
  func look() {
    guard let timer, !isClosed else { return }
    timer.reset(after: Self.interval)
    guard !isLooking else {
      looksAgain = true
      return
    }
    isLooking = true
    Loop.task { [self] in
      do {
        repeat {
          looksAgain = false
          while try await publishDue() == Self.batch {}
        } while looksAgain && !isClosed
      } catch {
        log.limited().warning("shared state is not published yet", ["error": "\(error)"])
      }
      isLooking = false
    }
  }

  /// Publishes keys that are due, each once; returns how many.
  private func publishDue() async throws -> Int {
    guard let producer, !isClosed else { return 0 }
    let rows = try await database.query(
      """
      with due as materialized (
        select topic, key from mesh_shared_state
        where version > published and topic = any(\(topics)) and (leased_until is null or leased_until <= now())
        order by topic, key limit \(Self.batch) for update skip locked
      )
      update mesh_shared_state s set leased_until = now() + \(Self.lease) from due
      where s.topic = due.topic and s.key = due.key
      returning s.topic, s.key, s.version, s.value, s.leased_until
      """)
    let records = try rows.map { row in
      let (topic, key, version, value, lease) = try row.decode(
        String.self, String.self, Int64.self, String?.self, Timestamp.self)
      return Record(topic: topic, key: key, version: version, value: value, lease: lease)
    }
    let sent = records.map { record in (record, Promise<Offset>()) }
    for (record, promise) in sent {
      do {
        try producer.send(
          to: producer.topic(record.topic), partition: 0, key: Array(record.key.utf8),
          value: record.value.map { Array($0.utf8) }
        ) { outcome in
          switch outcome {
          case .success(let offset): promise.fulfil(offset)
          case .failure(let error): promise.fail(error)
          }
        }
      } catch { promise.fail(error) }
    }
    for (record, promise) in sent {
      _ = try await promise.value
      try await acknowledge(record)
    }
    return records.count
  }

  /// Kafka has this version of a key. A newer one that came meanwhile is due now. Where the lease is over and somebody
  /// else has taken it, they say what is published.
  private func acknowledge(_ record: Record) async throws {
    count.add(1)
    let isOurs: SQL = "topic = \(record.topic) and key = \(record.key) and leased_until = \(record.lease)"
    if record.value == nil {
      let gone = try await database.query(
        "delete from mesh_shared_state where \(isOurs) and version = \(record.version)")
      if gone.affected == 1 { return }
    }
    try await database.query(
      "update mesh_shared_state set published = \(record.version), leased_until = null where \(isOurs)")
  }
}
