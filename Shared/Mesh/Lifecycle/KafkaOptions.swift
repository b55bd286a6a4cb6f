public import Kafka
public import Telemetry

/// How a program of the mesh reaches Kafka.
public struct KafkaOptions: OptionGroup {
  /// Where Kafka is.
  @Option("kafka-brokers", env: "KAFKA_BROKERS", help: "Where Kafka is: HOST:PORT, or several separated by commas.")
  public var brokers: String

  /// Further settings of librdkafka.
  @Option(
    "kafka-properties", env: "KAFKA_PROPERTIES",
    help: "Further settings of librdkafka, for TLS and SASL: name=value, or several separated by semicolons.")
  public var properties: Secret<String>? = nil

  /// How many partitions the topics of requests, events and pushes get.
  @Option(
    "kafka-partitions", env: "KAFKA_PARTITIONS", in: 1...10_000,
    help: "Partitions of a topic of requests, events or pushes that is created: as many replicas can share its work.")
  public var partitions: Int = 24

  /// How many brokers keep a copy of each topic.
  @Option(
    "kafka-replicas", env: "KAFKA_REPLICAS",
    help: "How many brokers keep a copy of each topic that is created; by default as many as the cluster says.")
  public var replicas: Int? = nil

  /// Everything at its default.
  public init() {}

  /// Checks their form.
  public func check() -> [String] {
    var problems: [String] = []
    if let replicas, !(1...Int(Int16.max)).contains(replicas) {
      problems.append("KAFKA_REPLICAS: got \"\(replicas)\", expected a number from 1 to \(Int16.max)")
    }
    do { _ = try configuration(clientID: "check") } catch {
      problems.append("KAFKA_BROKERS, KAFKA_PROPERTIES: \(error)")
    }
    return problems
  }

  /// The configuration of a client that Kafka knows as `clientID`; what librdkafka has to say goes to `log`. Throws
  /// `KafkaError` for what is malformed.
  public func configuration(clientID: String, log: Log = .disabled) throws(KafkaError) -> KafkaConfiguration {
    var settings: [String: String] = [:]
    for pair in properties?.exposed.split(separator: ";") ?? [] {
      let halves = pair.split(separator: "=", maxSplits: 1)
      settings[String(halves[0])] = halves.count == 2 ? String(halves[1]) : ""
    }
    var configuration = try KafkaConfiguration(brokers: brokers, clientID: clientID, properties: settings)
    configuration.topicPartitions = partitions
    configuration.topicReplicas = replicas
    configuration.log = { line in
      // Errors and warnings in syslog's levels.
      if line.level <= 4 { log.limited().warning("librdkafka remarks", ["line": line.text]) }
    }
    return configuration
  }
}
