import CKafka
import Glibc

/// A position in a partition's log. The first message has offset 0.
public typealias Offset = Int64

/// One partition of a topic.
public struct TopicPartition: Hashable, Sendable, Comparable, CustomStringConvertible {
  /// The topic's name.
  public let topic: String
  /// The partition's number, from 0.
  public let partition: Int32

  /// Names a partition.
  public init(_ topic: String, _ partition: Int32) { (self.topic, self.partition) = (topic, partition) }

  /// By topic, then by number.
  public static func < (left: Self, right: Self) -> Bool {
    left.topic == right.topic ? left.partition < right.partition : left.topic < right.topic
  }

  /// `topic[partition]`, as Kafka's own tools write it.
  public var description: String { "\(topic)[\(partition)]" }
}

/// One header of a message that is to be sent.
public struct KafkaHeader: Sendable, Hashable {
  /// The header's name; names may repeat.
  public let name: String
  /// The header's bytes.
  public let value: [UInt8]

  /// Names a value.
  public init(_ name: String, _ value: [UInt8]) { (self.name, self.value) = (name, value) }

  /// Names a text, as UTF-8.
  public init(_ name: String, _ value: String) { (self.name, self.value) = (name, Array(value.utf8)) }
}

/// A message that was consumed.
///
/// It lies where librdkafka put it and is not copied; the memory is given back when the last reference goes. Holding
/// a message therefore holds memory, and keeps its consumer's C handle from being freed.
public final class KafkaMessage: @unchecked Sendable {
  // Sendable by hand: nothing changes after `init`, which also parses the headers (librdkafka does so at first use),
  // and librdkafka allows an event to be destroyed from any thread.
  private let event: OpaquePointer
  private let message: UnsafePointer<rd_kafka_message_t>
  private let headers: OpaquePointer?
  private let handle: ClientHandle

  /// Takes over a fetch event; nil (and the event is freed) when there is no message in it.
  init?(consuming event: consuming Event, of handle: ClientHandle) {
    guard let message = rd_kafka_event_message_next(event.pointer) else { return nil }
    var headers: OpaquePointer?
    rd_kafka_message_headers(message, &headers)
    self.message = message
    self.headers = headers
    self.handle = handle
    self.event = event.take()
  }

  deinit { rd_kafka_event_destroy(event) }

  /// The topic it was read from. Makes a string each time: keep it where it is needed often.
  public var topic: String { String(cString: rd_kafka_topic_name(message.pointee.rkt)) }
  /// The partition it was read from.
  public var partition: Int32 { message.pointee.partition }
  /// Topic and partition together.
  public var topicPartition: TopicPartition { TopicPartition(topic, partition) }
  /// Where in the partition it stands.
  public var offset: Offset { message.pointee.offset }

  /// Milliseconds since 1970, given by the producer or by the broker as the topic is configured; nil if there is none.
  public var timestamp: Int64? {
    var type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE
    let time = rd_kafka_message_timestamp(message, &type)
    return type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? nil : time
  }

  /// Lends the value's bytes; nil is a tombstone. The bytes may not be kept after `body` has returned.
  public func withValue<Result>(_ body: (UnsafeRawBufferPointer?) throws -> Result) rethrows -> Result {
    try body(message.pointee.payload.map { UnsafeRawBufferPointer(start: $0, count: message.pointee.len) })
  }

  /// Lends the key's bytes; nil when there is no key. The bytes may not be kept after `body` has returned.
  public func withKey<Result>(_ body: (UnsafeRawBufferPointer?) throws -> Result) rethrows -> Result {
    try body(message.pointee.key.map { UnsafeRawBufferPointer(start: $0, count: message.pointee.key_len) })
  }

  /// Lends the last header of this name; nil when there is none, or when it is null.
  public func withHeader<Result>(
    _ name: String, _ body: (UnsafeRawBufferPointer?) throws -> Result
  ) rethrows -> Result {
    var value: UnsafeRawPointer?
    var size = 0
    guard let headers, rd_kafka_header_get_last(headers, name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR,
      let value
    else { return try body(nil) }
    return try body(UnsafeRawBufferPointer(start: value, count: size))
  }

  /// Lends every header in order: its name (UTF-8) and its bytes, which may be null.
  public func forEachHeader(
    _ body: (_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer?) throws -> Void
  ) rethrows {
    guard let headers else { return }
    var (index, size) = (0, 0)
    var name: UnsafePointer<CChar>?
    var value: UnsafeRawPointer?
    while rd_kafka_header_get_all(headers, index, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR, let name {
      let text = UnsafeRawBufferPointer(start: name, count: strlen(name))
      try body(text, value.map { UnsafeRawBufferPointer(start: $0, count: size) })
      index += 1
    }
  }

  /// A copy of the value; nil is a tombstone.
  public var value: [UInt8]? { withValue { $0.map(Array.init) } }
  /// A copy of the key.
  public var key: [UInt8]? { withKey { $0.map(Array.init) } }
  /// A copy of the last header of this name.
  public func header(_ name: String) -> [UInt8]? { withHeader(name) { $0.map(Array.init) } }
  /// Copies of all headers; a null header becomes an empty one.
  public var allHeaders: [KafkaHeader] {
    var all: [KafkaHeader] = []
    forEachHeader { all.append(KafkaHeader(String(decoding: $0, as: UTF8.self), $1.map(Array.init) ?? [])) }
    return all
  }
}
