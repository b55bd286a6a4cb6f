import CKafka

/// What went wrong with Kafka: to what, why, and whether trying again can help.
public struct KafkaError: Error, Sendable, CustomStringConvertible {
  /// The kinds of trouble that callers treat differently.
  public enum Reason: Sendable, Hashable {
    /// A setting is malformed, unknown or contradicts another one.
    case configuration
    /// The producer's queue is full: shed load, or wait for deliveries.
    case overloaded
    /// Nobody answered in time.
    case timedOut
    /// No broker can be reached, or a connection broke.
    case unreachable
    /// The topic or the partition does not exist.
    case unknownTopic
    /// What should be created exists already.
    case alreadyExists
    /// The message, or the batch it travelled in, is above the broker's or the client's limit.
    case tooLarge
    /// The position that a consumer asked for is not in the log, and its policy is not to choose another.
    case noSuchOffset
    /// The group has moved on: the partition belongs to another member by now.
    case notAssigned
    /// The credentials were refused, or do not suffice.
    case denied
    /// The client was closed first.
    case closed
    /// Another member with the same static id, or another producer, has taken this one's place.
    case fenced
    /// Anything else; see `code`.
    case other
  }

  /// The kind of trouble.
  public let reason: Reason
  /// What it happened to: a topic, a partition, a group, a setting.
  public let subject: String
  /// What happened, in words for people.
  public let message: String
  /// Kafka's error code where positive, librdkafka's own where negative, 0 where neither applies.
  public let code: Int32
  /// Whether the client is of no further use and must be made anew.
  public let isFatal: Bool
  /// Whether the same call may succeed later.
  public let isRetriable: Bool
  /// For a message that was sent: whether it may be in the log all the same, so that repeating it can duplicate it.
  public let mayBeStored: Bool

  /// One line for a log or a terminal.
  public var description: String {
    let name = code == 0 ? "" : " (\(String(cString: rd_kafka_err2name(rd_kafka_resp_err_t(code)))))"
    return subject.isEmpty ? "Kafka: \(message)\(name)" : "Kafka, \(subject): \(message)\(name)"
  }

  /// An error that this module found by itself.
  init(_ reason: Reason, _ subject: String, _ message: String, isRetriable: Bool = false) {
    (self.reason, self.subject, self.message) = (reason, subject, message)
    (code, isFatal, self.isRetriable, mayBeStored) = (0, false, isRetriable, false)
  }

  /// An error that librdkafka or a broker reported. `message` is the reporter's own text, where there is one.
  init(
    _ error: rd_kafka_resp_err_t, _ subject: String, message: String? = nil, isFatal: Bool = false,
    mayBeStored: Bool = false
  ) {
    code = error.rawValue
    reason = Reason(error)
    self.subject = subject
    self.message = message ?? String(cString: rd_kafka_err2str(error))
    self.isFatal = isFatal || error == RD_KAFKA_RESP_ERR__FATAL || reason == .fenced
    isRetriable = !self.isFatal && Self.retriable.contains(error.rawValue)
    self.mayBeStored = mayBeStored
  }

  /// Takes over and frees an error object of librdkafka's.
  init(consuming error: OpaquePointer, _ subject: String) {
    defer { rd_kafka_error_destroy(error) }
    self.init(
      rd_kafka_error_code(error), subject, message: String(cString: rd_kafka_error_string(error)),
      isFatal: rd_kafka_error_is_fatal(error) != 0)
  }

  /// Throws what `error` says, unless it says that nothing went wrong.
  static func check(_ error: rd_kafka_resp_err_t, _ subject: @autoclosure () -> String) throws(KafkaError) {
    guard error == RD_KAFKA_RESP_ERR_NO_ERROR else { throw KafkaError(error, subject()) }
  }

  /// Throws what `error`, an error object of librdkafka's, describes, unless it is null.
  static func check(_ error: OpaquePointer?, _ subject: @autoclosure () -> String) throws(KafkaError) {
    if let error { throw KafkaError(consuming: error, subject()) }
  }

  /// What passes by itself: elections, moved coordinators, lost connections, full queues.
  private static let retriable = Set(
    [
      RD_KAFKA_RESP_ERR__TIMED_OUT, RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE,
      RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, RD_KAFKA_RESP_ERR__RESOLVE,
      RD_KAFKA_RESP_ERR__QUEUE_FULL, RD_KAFKA_RESP_ERR__WAIT_COORD, RD_KAFKA_RESP_ERR__RETRY,
      RD_KAFKA_RESP_ERR__PURGE_QUEUE, RD_KAFKA_RESP_ERR__PURGE_INFLIGHT, RD_KAFKA_RESP_ERR__WAIT_CACHE,
      RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
      RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE,
      RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION,
      RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE,
      RD_KAFKA_RESP_ERR_NOT_COORDINATOR, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
      RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND, RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS,
      RD_KAFKA_RESP_ERR_NOT_CONTROLLER, RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR,
      RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC,
      RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED,
    ].map(\.rawValue))
}

extension KafkaError.Reason {
  fileprivate init(_ error: rd_kafka_resp_err_t) {
    switch error {
    case RD_KAFKA_RESP_ERR__QUEUE_FULL, RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED: self = .overloaded
    case RD_KAFKA_RESP_ERR__TIMED_OUT, RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE,
      RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
      self = .timedOut
    case RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, RD_KAFKA_RESP_ERR__RESOLVE,
      RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION, RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE:
      self = .unreachable
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION,
      RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
      self = .unknownTopic
    case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS: self = .alreadyExists
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE: self = .tooLarge
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET, RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE, RD_KAFKA_RESP_ERR__NO_OFFSET:
      self = .noSuchOffset
    case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID,
      RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS, RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST, RD_KAFKA_RESP_ERR__STATE:
      self = .notAssigned
    case RD_KAFKA_RESP_ERR__AUTHENTICATION, RD_KAFKA_RESP_ERR__SSL, RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED,
      RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
      RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
      self = .denied
    case RD_KAFKA_RESP_ERR__DESTROY, RD_KAFKA_RESP_ERR__PURGE_QUEUE, RD_KAFKA_RESP_ERR__PURGE_INFLIGHT: self = .closed
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, RD_KAFKA_RESP_ERR__FENCED, RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
      self = .fenced
    case RD_KAFKA_RESP_ERR__INVALID_ARG, RD_KAFKA_RESP_ERR_INVALID_CONFIG: self = .configuration
    default: self = .other
    }
  }
}

extension String {
  /// The text that a C function has written to a buffer.
  init(upToNull text: [CChar]) {
    self.init(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
