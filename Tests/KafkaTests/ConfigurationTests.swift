import EventLoop
import Kafka
import Testing

@Suite struct ConfigurationTests {
  @Test(arguments: ["", "localhost", "localhost:", ":9092", "localhost:0", "localhost:65536", "a:1,,b:2", "http://a:1"])
  func `a malformed list of brokers is refused and quoted`(_ brokers: String) {
    let error = #expect(throws: KafkaError.self) { try KafkaConfiguration(brokers: brokers, clientID: "test") }
    #expect(error?.reason == .configuration)
    #expect(error?.description.contains("'\(brokers)' is not a list of HOST:PORT") == true)
  }

  @Test(arguments: ["localhost:9092", "a.example:1,b.example:65535", "[::1]:9092", "10.0.0.1:9092"])
  func `host and port are accepted`(_ brokers: String) throws {
    #expect(try KafkaConfiguration(brokers: brokers, clientID: "test").brokers == brokers)
  }

  @Test @Loop func `an unknown or impossible setting is named`() throws {
    let unknown = try KafkaConfiguration(brokers: "a:1", clientID: "test", properties: ["no.such.setting": "1"])
    let first = #expect(throws: KafkaError.self) { try Producer(unknown) }
    #expect(first?.reason == .configuration)
    #expect(first?.subject == "no.such.setting")
    let impossible = try KafkaConfiguration(
      brokers: "a:1", clientID: "test", properties: ["security.protocol": "ssl", "ssl.ca.location": "/no/such/file"])
    let second = #expect(throws: KafkaError.self) { try Admin(impossible) }
    #expect(second?.description.contains("ssl.ca.location") == true)
    let reserved = #expect(throws: KafkaError.self) {
      try KafkaConfiguration(brokers: "a:1", clientID: "test", properties: ["enable.auto.commit": "true"])
    }
    #expect(reserved?.subject == "enable.auto.commit")
  }

  @Test @Loop func `what librdkafka logs reaches the application`() async throws {
    var lines: [String] = []
    var configuration = try KafkaConfiguration(brokers: "127.0.0.1:1", clientID: "test")
    configuration.log = { lines.append($0.text) }
    let admin = try Admin(configuration)
    try await eventually("a log line") { lines.contains { $0.contains("Connection refused") } }
    admin.close()
  }
}
