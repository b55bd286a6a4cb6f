import CKafka
import EventLoop

/// The owner of one librdkafka client and of the queues on which its events arrive.
///
/// Messages and topics hold a reference, so the C client is freed after the last of them, in the order that librdkafka
/// demands.
final class ClientHandle: @unchecked Sendable {
  // Sendable by hand: the pointers never change, and librdkafka's client and queues may be used from any thread.
  let client: OpaquePointer
  /// Everything but consumed messages.
  let queue: OpaquePointer
  /// Consumed messages of the partitions that were led here (`collect`).
  let messages: OpaquePointer

  /// Starts a client. Connecting happens in the background, so this succeeds without a broker.
  ///
  /// Throws `KafkaError` of reason `configuration` when a setting is unknown, malformed or contradicts another.
  init(_ type: rd_kafka_type_t, _ settings: [(String, String)], events: Int32) throws(KafkaError) {
    var text = [CChar](repeating: 0, count: 512)
    guard let configuration = rd_kafka_conf_new() else { preconditionFailure("rd_kafka_conf_new returned null") }
    for (name, value) in settings {
      guard rd_kafka_conf_set(configuration, name, value, &text, text.count) == RD_KAFKA_CONF_OK else {
        rd_kafka_conf_destroy(configuration)
        throw KafkaError(.configuration, name, String(upToNull: text))
      }
    }
    rd_kafka_conf_set_events(configuration, events | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_LOG)
    // Succeeds or fails as a whole; on failure the configuration stays ours.
    guard let client = rd_kafka_new(type, configuration, &text, text.count) else {
      rd_kafka_conf_destroy(configuration)
      throw KafkaError(.configuration, "", String(upToNull: text))
    }
    self.client = client
    if type == RD_KAFKA_CONSUMER {
      // Errors and logs join what concerns the group.
      rd_kafka_poll_set_consumer(client)
      queue = rd_kafka_queue_get_consumer(client)
    } else {
      queue = rd_kafka_queue_get_main(client)
    }
    messages = rd_kafka_queue_new(client)
    rd_kafka_set_log_queue(client, queue)
  }

  /// Leads the messages of partitions to `messages`. Comes before their assignment, or some would go elsewhere.
  func collect(_ partitions: [TopicPartition]) {
    for partition in partitions {
      guard let source = rd_kafka_queue_get_partition(client, partition.topic, partition.partition) else { continue }
      rd_kafka_queue_forward(source, messages)
      rd_kafka_queue_destroy(source)
    }
  }

  deinit {
    rd_kafka_queue_destroy(messages)
    rd_kafka_queue_destroy(queue)
    // Destroying joins librdkafka's threads, which can take as long as a name lookup: not on the loop.
    nonisolated(unsafe) let client = client
    Loop.task {
      try? await BlockingCalls.pool.run { rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE) }
    }
  }
}

/// The few calls for which librdkafka offers nothing but blocking: metadata, log ends, and freeing a client.
enum BlockingCalls {
  @Loop static let pool = BackgroundPool(threads: 2)
}

/// One event of librdkafka's, freed when it goes out of scope.
struct Event: ~Copyable {
  let pointer: OpaquePointer

  init(_ pointer: OpaquePointer) { self.pointer = pointer }
  deinit { rd_kafka_event_destroy(pointer) }

  /// Hands the C event to a new owner, who must destroy it.
  consuming func take() -> OpaquePointer {
    let pointer = pointer
    discard self
    return pointer
  }

  var type: Int32 { rd_kafka_event_type(pointer) }
  var opaque: Int { Int(bitPattern: rd_kafka_event_opaque(pointer)) }
  var error: rd_kafka_resp_err_t { rd_kafka_event_error(pointer) }
  var errorText: String { rd_kafka_event_error_string(pointer).map { String(cString: $0) } ?? "" }

  /// Throws the error that the event carries, if any.
  func check(_ subject: @autoclosure () -> String) throws(KafkaError) {
    guard error != RD_KAFKA_RESP_ERR_NO_ERROR else { return }
    throw KafkaError(error, subject(), message: errorText)
  }
}

/// Values that C code refers to by number instead of by pointer: nothing leaks, and a number that is used twice finds
/// nothing. Numbers begin with 1, so that they differ from null.
struct Slots<Value> {
  private var values: [Value?] = []
  private var free: [Int] = []

  mutating func insert(_ value: Value) -> Int {
    if let index = free.popLast() {
      values[index] = value
      return index + 1
    }
    values.append(value)
    return values.count
  }

  mutating func remove(_ number: Int) -> Value? {
    guard values.indices.contains(number - 1), let value = values[number - 1] else { return nil }
    values[number - 1] = nil
    free.append(number - 1)
    return value
  }

  mutating func removeAll() -> [Value] {
    defer { self = Slots() }
    return values.compactMap(\.self)
  }
}
