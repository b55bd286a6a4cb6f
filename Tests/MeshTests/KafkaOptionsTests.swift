import EventLoop
import Kafka
import Telemetry
import Testing

@testable import Mesh

private struct KafkaProgram: Options {
  static let program = "reader"
  static let about = "Reads."
  let kafka = KafkaOptions()
}

@Suite struct KafkaOptionsTests {
  private func read(_ environment: [String: String]) throws(ConfigurationError) -> KafkaOptions {
    try KafkaProgram.read(arguments: []) { environment[$0] }.kafka
  }

  @Test func `properties and the numbers of copies and partitions come from the environment`() throws {
    let options = try read([
      "KAFKA_BROKERS": "a:9092,b:9092", "KAFKA_REPLICAS": "3", "KAFKA_PARTITIONS": "5",
      "KAFKA_PROPERTIES": "security.protocol=SASL_SSL;sasl.username=me",
    ])
    let configuration = try options.configuration(clientID: "reader-0")
    #expect(configuration.topicReplicas == 3 && configuration.topicPartitions == 5)
    #expect(configuration.properties == ["security.protocol": "SASL_SSL", "sasl.username": "me"])
    let plain = try read(["KAFKA_BROKERS": "a:9092"]).configuration(clientID: "x")
    #expect(plain.topicReplicas == nil && plain.topicPartitions == 24)
  }

  @Test func `a number of copies that no cluster has is refused at the start`() {
    let error = #expect(throws: ConfigurationError.self) { try read(["KAFKA_BROKERS": "a:1", "KAFKA_REPLICAS": "0"]) }
    #expect(error?.problems == ["KAFKA_REPLICAS: got \"0\", expected a number from 1 to 32767"])
  }

  @Test @Loop func `what passes is removed by Kafka itself, segment by segment, and what lasts is not`() async throws {
    let service = TestMesh.freshService()
    try await TestMesh.makeTopics(for: [service])
    let admin = try Admin(TestMesh.kafka())
    defer { admin.close() }
    for topic in [MeshTopics.requests(of: service), MeshTopics.replies, MeshTopics.pushes, MeshTopics.activity] {
      let settings = try await admin.settings(ofTopic: topic)
      #expect(settings["retention.ms"] == "600000" && settings["segment.ms"] == "600000", "\(topic)")
    }
    #expect(try await admin.settings(ofTopic: MeshTopics.events(of: service))["retention.ms"] == "604800000")
    let topics = try await admin.metadata().topics
    #expect(topics[MeshTopics.requests(of: service)] == 24 && topics[MeshTopics.dead(of: service)] == 1)
  }
}
