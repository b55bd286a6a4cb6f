import EventLoop
import Foundation
import Kafka
import Testing

@Suite struct ProducerTests {
  @Test @Loop func `what is produced is consumed with key, headers and offset`() async throws {
    let configuration = try TestCluster.configuration()
    let name = TestCluster.freshTopic()
    let producer = try Producer(configuration)
    let topic = try producer.topic(name)
    let headers = [KafkaHeader("a", "1"), KafkaHeader("b", [0, 255]), KafkaHeader("a", "2"), KafkaHeader("empty", "")]
    let longName = String(repeating: "n", count: 40)
    #expect(try await producer.produce(to: topic, partition: 0, key: [1, 2], value: [3, 4, 5], headers: headers) == 0)
    #expect(try await producer.produce(to: topic, partition: 0, value: nil) == 1)
    #expect(try await producer.produce(to: topic, partition: 0, key: [], value: []) == 2)
    let long = [KafkaHeader(longName, "x")]
    #expect(try await producer.produce(to: topic, partition: 0, value: [9], headers: long) == 3)
    #expect(producer.pending == 0)

    let recorder = Recorder()
    let consumer = try Consumer(configuration, ConsumerOptions(), delegate: recorder)
    try await consumer.assign([TopicPartition(name, 0): .beginning])
    try await eventually("four messages") { recorder.messages.count == 4 }
    let messages = recorder.messages
    #expect(messages.map(\.offset) == [0, 1, 2, 3])
    #expect(messages.map(\.topicPartition) == Array(repeating: TopicPartition(name, 0), count: 4))
    #expect(messages.map(\.key) == [[1, 2], nil, [], nil])
    #expect(messages.map(\.value) == [[3, 4, 5], nil, [], [9]])
    #expect(messages[0].allHeaders == headers)
    #expect(messages[0].header("a") == Array("2".utf8))
    #expect(messages[0].header("empty") == [])
    #expect(messages[0].header("missing") == nil)
    #expect(messages[3].header(longName) == Array("x".utf8))
    let now = Int64(Date().timeIntervalSince1970 * 1000)
    #expect(messages.allSatisfy { abs(($0.timestamp ?? 0) - now) < 60_000 })
    await consumer.close()
    try await producer.close(within: .seconds(5))
  }

  @Test @Loop func `many messages keep their order and are each reported once`() async throws {
    let configuration = try TestCluster.configuration()
    let name = TestCluster.freshTopic()
    let producer = try Producer(configuration)
    let topic = try producer.topic(name)
    var offsets: [Offset] = []
    for number in 0..<5000 {
      try producer.send(to: topic, partition: 0, value: Array(String(number).utf8)) { result in
        if case .success(let offset) = result { offsets.append(offset) }
      }
    }
    try await producer.flush(within: .seconds(20))
    #expect(offsets == Array(0..<5000))
    let recorder = Recorder()
    let consumer = try Consumer(configuration, ConsumerOptions(), delegate: recorder)
    try await consumer.assign([TopicPartition(name, 0): .offset(100)])
    try await eventually("all messages") { recorder.messages.count >= 4900 }
    #expect(recorder.values == (100..<5000).map(String.init))
    await consumer.close()
    try await producer.close(within: .seconds(5))
  }

  @Test @Loop func `reports that may wait are all given, and closing does not wait for them long`() async throws {
    let configuration = try TestCluster.configuration()
    var options = Producer.Options()
    options.reportDelay = .milliseconds(20)
    let producer = try Producer(configuration, options)
    let topic = try producer.topic(TestCluster.freshTopic())
    for offset in 0..<3 { #expect(try await producer.produce(to: topic, partition: 0, value: [1]) == offset) }
    var offsets: [Offset] = []
    for _ in 0..<1000 {
      try producer.send(to: topic, partition: 0, value: [2]) { result in
        if case .success(let offset) = result { offsets.append(offset) }
      }
    }
    try await producer.close(within: .seconds(10))
    #expect(offsets == Array(3..<1003))
    #expect(producer.pending == 0)
  }

  @Test @Loop func `a full queue refuses at once and takes more when it has emptied`() async throws {
    let configuration = try TestCluster.configuration()
    var options = Producer.Options()
    options.queueLimit = 10
    options.linger = .milliseconds(300)
    let producer = try Producer(configuration, options)
    let topic = try producer.topic(TestCluster.freshTopic())
    for _ in 0..<10 { try producer.send(to: topic, value: [1]) }
    let refusal = #expect(throws: KafkaError.self) { try producer.send(to: topic, value: [1]) }
    #expect(refusal?.reason == .overloaded)
    #expect(refusal?.isRetriable == true)
    #expect(producer.pending == 10)
    try await producer.flush(within: .seconds(20))
    #expect(try await producer.produce(to: topic, value: [1]) >= 0)
    try await producer.close(within: .seconds(5))
  }

  @Test @Loop func `without a broker a message fails when its time is up, and is known not to be stored`() async throws
  {
    let configuration = try KafkaConfiguration(brokers: "127.0.0.1:1", clientID: "test")
    let producer = try Producer(configuration)
    var trouble: [KafkaError] = []
    producer.failed = { trouble.append($0) }
    let topic = try producer.topic("nowhere", deliveryTimeout: .milliseconds(300))
    let error = await #expect(throws: KafkaError.self) { try await producer.produce(to: topic, value: [1]) }
    #expect(error?.reason == .timedOut)
    #expect(error?.isRetriable == true)
    #expect(error?.mayBeStored == false)
    #expect(producer.failures == 1)
    #expect(trouble.contains { $0.reason == .unreachable })
    try await producer.close(within: .seconds(1))
  }

  @Test @Loop func `closing with messages that cannot leave fails each of them once`() async throws {
    let producer = try Producer(KafkaConfiguration(brokers: "127.0.0.1:1", clientID: "test"))
    let topic = try producer.topic("nowhere")
    var outcomes: [KafkaError.Reason] = []
    for _ in 0..<3 {
      try producer.send(to: topic, value: [1]) { if case .failure(let error) = $0 { outcomes.append(error.reason) } }
    }
    let error = await #expect(throws: KafkaError.self) { try await producer.close(within: .milliseconds(50)) }
    #expect(error?.reason == .timedOut)
    #expect(outcomes == [.closed, .closed, .closed])
    let afterwards = #expect(throws: KafkaError.self) { try producer.send(to: topic, value: [1]) }
    #expect(afterwards?.reason == .closed)
  }

  @Test @Loop func `a message above the client's or the topic's limit is refused and the next one is sent`()
    async throws
  {
    let configuration = try TestCluster.configuration()
    let admin = try Admin(configuration)
    let producer = try Producer(configuration)
    let (large, small) = (TestCluster.freshTopic(), TestCluster.freshTopic())
    let topic = Admin.NewTopic(large, partitions: 1, settings: ["max.message.bytes": String(2 << 20)])
    _ = try await admin.createTopics([topic, Admin.NewTopic(small, partitions: 1)])
    for (name, size) in [(large, (2 << 20) + 1), (small, (2 << 20) - 200)] {
      let error = await #expect(throws: KafkaError.self) {
        try await producer.produce(to: producer.topic(name), value: [UInt8](repeating: 0, count: size))
      }
      #expect(error?.reason == .tooLarge)
      #expect(error?.isRetriable == false)
      #expect(error?.description.contains(name) == true)
    }
    let largest = [UInt8](repeating: 7, count: (2 << 20) - 200)
    #expect(try await producer.produce(to: producer.topic(large), value: largest) == 0)
    #expect(try await producer.produce(to: producer.topic(small), value: [1]) == 0)
    try await producer.close(within: .seconds(5))
    admin.close()
  }
}
