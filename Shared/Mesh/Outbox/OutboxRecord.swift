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

  /// The service that published it.
  var source: String { Self.source(of: name) }

  /// The service that publishes events of this name: its first part.
  static func source(of name: String) -> String { String(name.prefix { $0 != "." }) }
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

  /// As much of an event as its aggregate's place needs.
  struct Mark {
    let name: String
    let subject: UniqueID
    let version: Int64

    var source: String { OutboxRecord.source(of: name) }
  }

  /// Reads as much of an event. Nil when it is no event of a mesh.
  static func readMark(_ message: KafkaMessage) -> Mark? {
    guard let name = text("ce_type", of: message), let subject = text("ce_subject", of: message).flatMap(UniqueID.init),
      let version = text("ce_version", of: message).flatMap(Int64.init), version > 0
    else { return nil }
    return Mark(name: name, subject: subject, version: version)
  }

  private static func text(_ name: String, of message: KafkaMessage) -> String? {
    message.withHeader(name) { $0.flatMap { String(validating: $0, as: UTF8.self) } }
  }

  /// Reads an event. Nil when an attribute is missing or malformed: it is no event of a mesh.
  static func read(_ message: KafkaMessage) -> OutboxRecord? {
    guard let mark = readMark(message), text("ce_specversion", of: message) == "1.0",
      let id = text("ce_id", of: message).flatMap(UniqueID.init),
      let time = text("ce_time", of: message).flatMap(Timestamp.init),
      let payload = message.withValue({ bytes in
        bytes.flatMap { String(validating: $0, as: UTF8.self) }
      })
    else { return nil }
    return OutboxRecord(
      id: id, name: mark.name, subject: mark.subject, version: mark.version, payload: payload,
      traceparent: text(Header.traceparent, of: message), occurredAt: time)
  }
}
