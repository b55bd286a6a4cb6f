import Contract
import Kafka
import Telemetry

/// An event on its way: as the outbox keeps it, as Kafka carries it, and as the inbox parks it.
struct OutboxRecord: Sendable, Hashable {
  /// Identifies the event for ever; a duplicate has the same.
  let id: UniqueID
  /// The event's name.
  let name: String
  /// The aggregate.
  let subject: UniqueID
  /// The number of this event among the aggregate's, from 1 without gaps.
  let version: Int64
  /// JSON.
  let payload: String
  /// The span in which it came about.
  let traceparent: String?
  /// When it came about.
  let occurredAt: Timestamp

  /// The service that published it: the first part of the name.
  var source: String { String(name.prefix { $0 != "." }) }
}

/// CloudEvents 1.0 in Kafka's binary mode: attributes are headers, the payload is the value (CloudEvents Kafka protocol
/// binding 1.0, section 3.2). `ce_version` is an extension: the aggregate's version.
enum CloudEvent {
  static func headers(_ record: OutboxRecord) -> [KafkaHeader] {
    var headers = [
      KafkaHeader("ce_specversion", "1.0"), KafkaHeader("ce_id", record.id.description),
      KafkaHeader("ce_type", record.name), KafkaHeader("ce_source", "/\(record.source)"),
      KafkaHeader("ce_subject", record.subject.description), KafkaHeader("ce_time", record.occurredAt.description),
      KafkaHeader("ce_version", String(record.version)), KafkaHeader("content-type", "application/json"),
    ]
    if let trace = record.traceparent { headers.append(KafkaHeader(Header.traceparent, trace)) }
    return headers
  }

  /// Reads an event. Nil when an attribute is missing or malformed: it is no event of a mesh.
  static func read(_ message: KafkaMessage) -> OutboxRecord? {
    func text(_ name: String) -> String? {
      message.withHeader(name) { $0.flatMap { String(validating: $0, as: UTF8.self) } }
    }
    guard text("ce_specversion") == "1.0", let id = text("ce_id").flatMap(UniqueID.init), let name = text("ce_type"),
      let subject = text("ce_subject").flatMap(UniqueID.init), let version = text("ce_version").flatMap(Int64.init),
      version > 0, let time = text("ce_time").flatMap(Timestamp.init),
      let payload = message.withValue({ bytes in
        bytes.flatMap { String(validating: $0, as: UTF8.self) }
      })
    else { return nil }
    return OutboxRecord(
      id: id, name: name, subject: subject, version: version, payload: payload, traceparent: text(Header.traceparent),
      occurredAt: time)
  }
}
