import CKafka
import EventLoop

/// How to reach Kafka, for every client of a process.
public struct KafkaConfiguration: Sendable {
  /// A line that librdkafka wrote about its connections. It is not an error of any call.
  public struct LogLine: Sendable {
    /// Severity as in syslog: 3 is an error, 4 a warning, 6 information.
    public let level: Int32
    /// The text, with the client and the broker it is about.
    public let text: String
  }

  /// The brokers to ask first, as `HOST:PORT` separated by commas. The others are learned from them.
  public let brokers: String
  /// The name under which the brokers know this process.
  public let clientID: String
  /// librdkafka's own settings, by its names, as `security.protocol`, `sasl.username` or `ssl.ca.location`.
  public let properties: [String: String]
  /// How many partitions a topic gets whose creator does not say.
  public var topicPartitions = 24
  /// How many brokers keep a copy of each topic that is created; nil leaves it to the cluster.
  public var topicReplicas: Int?
  /// Where librdkafka's log lines go. Without it they are dropped; errors are reported elsewhere as well.
  public var log: (@Loop @Sendable (LogLine) -> Void)?

  /// Checks the list of brokers. The other settings are checked when a client is made.
  ///
  /// Throws `KafkaError` of reason `configuration`.
  public init(brokers: String, clientID: String, properties: [String: String] = [:]) throws(KafkaError) {
    let names = brokers.split(separator: ",", omittingEmptySubsequences: false)
    guard !names.isEmpty, names.allSatisfy(Self.isAddress) else {
      throw KafkaError(.configuration, "brokers", "'\(brokers)' is not a list of HOST:PORT separated by commas")
    }
    if let reserved = properties.keys.sorted().first(where: Self.reserved.contains) {
      throw KafkaError(.configuration, reserved, "this setting is not yours to choose; leave it out")
    }
    (self.brokers, self.clientID, self.properties) = (brokers, clientID, properties)
  }

  private static func isAddress(_ text: Substring) -> Bool {
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]), port > 0 else {
      return false
    }
    let host = text[..<colon]
    if host.hasPrefix("[") { return host.hasSuffix("]") && host.count > 2 }
    return !host.isEmpty && !host.contains { $0 == ":" || $0 == "/" || $0.isWhitespace }
  }

  /// Settings on which this module's own promises rest.
  private static let reserved: Set<String> = [
    "bootstrap.servers", "metadata.broker.list", "client.id", "log.queue", "enable.auto.commit",
    "enable.auto.offset.store", "group.id", "group.instance.id", "enable.idempotence",
  ]

  /// What every client shares. Later entries win, so the user's own come after all of ours.
  var shared: [(String, String)] {
    [
      ("bootstrap.servers", brokers), ("client.id", clientID), ("log.queue", "true"),
      ("log.connection.close", "false"), ("socket.nagle.disable", "true"), ("socket.keepalive.enable", "true"),
      // A connection whose packets vanish is given up, and tried anew, long before TCP would: after a cut of half a minute
      // TCP sends again only after half a minute more.
      ("socket.timeout.ms", "10000"), ("socket.connection.setup.timeout.ms", "5000"),
      // A restarted broker is found again within a second, not ten.
      ("reconnect.backoff.ms", "50"), ("reconnect.backoff.max.ms", "1000"),
      ("topic.metadata.refresh.fast.interval.ms", "100"),
    ]
  }
}

extension Duration {
  /// Whole milliseconds, rounded up and clamped to what librdkafka takes.
  var milliseconds: Int32 {
    let (seconds, attoseconds) = components
    guard seconds < Int64(Int32.max) / 1000 - 1 else { return Int32.max }
    return max(0, Int32(seconds) * 1000 + Int32((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000))
  }
}
