import EventLoop
import Foundation
import Kafka
import Testing

@Suite struct AdminTests {
  @Test @Loop func `topics are created with their settings, grown and deleted, and all of it may be repeated`()
    async throws
  {
    let admin = try Admin(try TestCluster.configuration())
    let (name, other) = (TestCluster.freshTopic(), TestCluster.freshTopic())
    let settings = ["retention.ms": "600000", "cleanup.policy": "compact"]
    let topic = Admin.NewTopic(name, partitions: 3, settings: settings)
    #expect(try await admin.createTopics([topic]) == [name])
    #expect(try await admin.createTopics([topic, Admin.NewTopic(other, partitions: 1)]) == [other])
    #expect(try await admin.metadata().topics[name] == 3)
    let found = try await admin.settings(ofTopic: name)
    #expect(found.filter { settings[$0.key] != nil } == settings)
    try await admin.growTopic(name, to: 5)
    try await admin.growTopic(name, to: 4)
    #expect(try await admin.metadata().topics[name] == 5)
    try await admin.deleteTopics([name, other])
    try await admin.deleteTopics([name])
    #expect(try await admin.metadata().topics[name] == nil)
    let error = await #expect(throws: KafkaError.self) { try await admin.settings(ofTopic: name) }
    #expect(error?.reason == .unknownTopic)
    admin.close()
  }

  @Test @Loop func `an impossible topic is refused by name`() async throws {
    let admin = try Admin(try TestCluster.configuration())
    let error = await #expect(throws: KafkaError.self) {
      try await admin.createTopics([Admin.NewTopic("not a topic name!", partitions: 1)])
    }
    #expect(error?.description.contains("not a topic name!") == true)
    #expect(error?.isRetriable == false)
    admin.close()
  }

  @Test @Loop func `groups are listed, described, measured and deleted`() async throws {
    let configuration = try TestCluster.configuration()
    let admin = try Admin(configuration)
    let (topic, group) = (TestCluster.freshTopic(), TestCluster.freshTopic())
    _ = try await admin.createTopics([Admin.NewTopic(topic, partitions: 2)])
    let producer = try Producer(configuration)
    for _ in 0..<10 { _ = try await producer.produce(to: producer.topic(topic), partition: 1, value: [1]) }
    try await producer.close(within: .seconds(5))
    var options = ConsumerOptions(group: ConsumerOptions.Group(group, instance: "slot-0"))
    options.reset = .earliest
    let consumer = try Consumer(
      try TestCluster.configuration(clientID: "reader"), options, delegate: Recorder())
    try consumer.subscribe(to: [topic])
    try await eventually("the assignment") { consumer.assignment.count == 2 }
    try await consumer.commit([TopicPartition(topic, 1): 7])

    #expect(try await admin.groups().contains(group))
    let description = try await admin.describeGroup(group)
    #expect(description.state == "Stable")
    #expect(description.assignor == "cooperative-sticky")
    #expect(description.members.map(\.clientID) == ["reader"])
    #expect(description.members.map(\.instance) == ["slot-0"])
    #expect(description.members.flatMap(\.partitions).sorted() == [TopicPartition(topic, 0), TopicPartition(topic, 1)])
    #expect(try await admin.committedOffsets(of: group) == [TopicPartition(topic, 1): 7])
    let lag = try await admin.lag(of: group)
    #expect(lag.mapValues(\.messages) == [TopicPartition(topic, 1): 3])
    let busy = await #expect(throws: KafkaError.self) { try await admin.deleteGroup(group) }
    #expect(busy != nil)
    await consumer.close()
    admin.close()
  }

  @Test @Loop func `offsets are found by time`() async throws {
    let configuration = try TestCluster.configuration()
    let admin = try Admin(configuration)
    let partition = TopicPartition(TestCluster.freshTopic(), 0)
    let producer = try Producer(configuration)
    let topic = try producer.topic(partition.topic)
    _ = try await producer.produce(to: topic, partition: 0, value: [1])
    try await Loop.sleep(for: .milliseconds(20))
    let between = Int64(Date().timeIntervalSince1970 * 1000)
    try await Loop.sleep(for: .milliseconds(20))
    _ = try await producer.produce(to: topic, partition: 0, value: [2])
    #expect(try await admin.offsets(at: 0, in: [partition]) == [partition: 0])
    #expect(try await admin.offsets(at: between, in: [partition]) == [partition: 1])
    #expect(try await admin.watermarks(of: partition).end == 2)
    try await producer.close(within: .seconds(5))
    admin.close()
  }

  @Test @Loop func `waiting for a cluster that is not there ends with its address and the reason`() async throws {
    let admin = try Admin(try KafkaConfiguration(brokers: "127.0.0.1:1", clientID: "test"))
    let error = await #expect(throws: KafkaError.self) {
      try await admin.waitUntilReady(within: .milliseconds(500))
    }
    #expect(error?.reason == .unreachable)
    #expect(error?.description.contains("127.0.0.1:1") == true)
    #expect(error?.description.contains("Connection refused") == true, "\(String(describing: error))")
    admin.close()
  }

  @Test @Loop func `waiting for a topic ends when it appears, or says which one is missing`() async throws {
    let admin = try Admin(try TestCluster.configuration())
    let name = TestCluster.freshTopic()
    let error = await #expect(throws: KafkaError.self) {
      try await admin.waitUntilReady(topics: [name: 2], within: .seconds(2))
    }
    #expect(error?.reason == .unknownTopic)
    #expect(error?.description.contains("topic '\(name)': has 0 of 2 partitions") == true)
    Loop.schedule(after: .milliseconds(100)) {
      Task { @Loop in _ = try await admin.createTopics([Admin.NewTopic(name, partitions: 2)]) }
    }
    try await admin.waitUntilReady(topics: [name: 2], within: .seconds(20))
    admin.close()
  }

  @Test @Loop func `what is under way when the client closes fails at once`() async throws {
    let admin = try Admin(try KafkaConfiguration(brokers: "127.0.0.1:1", clientID: "test"))
    Loop.schedule(after: .milliseconds(20)) { admin.close() }
    let error = await #expect(throws: KafkaError.self) { try await admin.groups() }
    #expect(error?.reason == .closed)
    let afterwards = await #expect(throws: KafkaError.self) { try await admin.groups() }
    #expect(afterwards?.reason == .closed)
  }
}
