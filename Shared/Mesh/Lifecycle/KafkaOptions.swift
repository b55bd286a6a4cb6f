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

  /// Everything at its default.
  public init() {}

  /// Checks the form of both.
  public func check() -> [String] {
    do {
      _ = try configuration(clientID: "check")
      return []
    } catch {
      return ["KAFKA_BROKERS, KAFKA_PROPERTIES: \(error)"]
    }
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
    configuration.log = { line in
      // Errors and warnings in syslog's levels.
      if line.level <= 4 { log.limited().warning("librdkafka remarks", ["line": line.text]) }
    }
    return configuration
  }
}
