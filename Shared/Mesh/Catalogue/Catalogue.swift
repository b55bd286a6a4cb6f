import Contract
public import EventLoop
public import Kafka
public import Telemetry
import enum Wire.JSONEncoding

/// What all services say about themselves, as the compacted topic `mesh.catalogue` holds it.
///
/// **Overview.** `open` replays the topic whole and then follows it. A service that is down stays in the catalogue; a
/// record goes only by retirement, a message without a value. Of two records of one service the one with the higher
/// version counts, whichever came last.
@Loop public final class Catalogue: ConsumerDelegate {
  private static let partition = TopicPartition(MeshTopics.catalogue, 0)

  private let log: Log
  private var consumer: Consumer?
  private let replayed = Promise<Void>()

  /// The records by service.
  public private(set) var records: [String: ServiceRecord] = [:]
  /// Called after `open` when a service has appeared, changed or been retired.
  public var changed: (@Loop (_ service: String) -> Void)?

  /// Prepares to read.
  public init(log: Log) { self.log = log }

  /// Reads everything there is, and goes on reading. Throws `KafkaError` when Kafka cannot be reached or the topic is
  /// missing, and a `timedOut` one when it cannot be read within `limit`.
  public func open(_ kafka: KafkaConfiguration, within limit: Duration = .seconds(30)) async throws {
    var options = ConsumerOptions()
    options.reset = .earliest
    options.reportsEnd = true
    let consumer = try Consumer(kafka, options, delegate: self)
    self.consumer = consumer
    try await consumer.assign([Self.partition: .beginning], within: limit)
    let timer = Loop.schedule(after: limit) { [replayed] in replayed.fail(CatalogueError.notRead(within: limit)) }
    defer { timer.cancel() }
    try await replayed.value
  }

  /// Stops following.
  public func close() async { await consumer?.close(within: .seconds(1)) }

  /// Publishes `record`, unless the catalogue has it already or knows a higher version.
  public func publish(_ record: ServiceRecord, with producer: Producer) async throws {
    if let known = records[record.service], known == record || known.version > record.version { return }
    _ = try await producer.produce(
      to: producer.topic(MeshTopics.catalogue), partition: 0, key: Array(record.service.utf8),
      value: JSONEncoding.bytes(of: record))
  }

  /// Takes a service out of the catalogue: its routes are unknown from then on.
  public static func retire(_ service: String, with producer: Producer) async throws {
    _ = try await producer.produce(
      to: producer.topic(MeshTopics.catalogue), partition: 0, key: Array(service.utf8), value: nil)
  }

  /// Called by the consumer.
  public func received(_ messages: [KafkaMessage], from consumer: Consumer) {
    for message in messages {
      guard let service = message.key.flatMap({ String(validating: $0, as: UTF8.self) }) else { continue }
      guard let value = message.value else {
        records[service] = nil
        changed?(service)
        continue
      }
      do {
        let record = try FieldDecoding.decode(ServiceRecord.self, from: value)
        guard record.version >= records[service]?.version ?? 0, record != records[service] else { continue }
        records[service] = record
        if replayed.isSettled { changed?(service) }
      } catch {
        log.warning("a record of the catalogue is not understood", ["service": service, "error": "\(error)"])
      }
    }
  }

  /// Called by the consumer.
  public func reachedEnd(of partition: TopicPartition, at offset: Offset, in consumer: Consumer) {
    replayed.fulfil(())
  }

  /// Called by the consumer.
  public func failed(_ error: KafkaError, partition: TopicPartition?, in consumer: Consumer) {
    log.limited().warning("trouble with the catalogue", ["error": "\(error)"])
  }
}

/// Why there is no catalogue.
public enum CatalogueError: Error, CustomStringConvertible {
  /// It could not be read to its end in time.
  case notRead(within: Duration)

  /// One line for a log.
  public var description: String {
    switch self {
    case .notRead(let limit): "the catalogue could not be read within \(limit); is the topic mesh.catalogue served?"
    }
  }
}
