import EventLoop
import Kafka
import Testing

@Suite struct ConsumerTests {
  /// Sends texts to one partition and waits for their delivery.
  @Loop private func fill(
    _ topic: String, partition: Int32 = 0, _ texts: some Collection<String>, _ configuration: KafkaConfiguration
  ) async throws {
    let producer = try Producer(configuration)
    let target = try producer.topic(topic)
    for text in texts { try producer.send(to: target, partition: partition, value: Array(text.utf8)) }
    try await producer.close(within: .seconds(20))
    #expect(producer.failures == 0)
  }

  private func group(_ instance: String? = nil, name: String = TestCluster.freshTopic()) -> ConsumerOptions {
    var options = ConsumerOptions(group: ConsumerOptions.Group(name, instance: instance))
    options.reset = .earliest
    return options
  }

  @Test @Loop func `an assignment at the end reads exactly what is produced after it`() async throws {
    let configuration = try TestCluster.configuration()
    let topic = TestCluster.freshTopic()
    let partition = TopicPartition(topic, 0)
    try await fill(topic, (0..<50).map { "old \($0)" }, configuration)
    let recorder = Recorder()
    let consumer = try Consumer(configuration, ConsumerOptions(), delegate: recorder)
    try await consumer.assign([partition: .end])
    #expect(consumer.assignment == [partition])
    try await fill(topic, (0..<5).map { "new \($0)" }, configuration)
    try await eventually("new messages") { recorder.messages.count >= 5 }
    #expect(recorder.values == (0..<5).map { "new \($0)" })
    #expect(try consumer.positions(of: [partition]) == [partition: 55])
    let watermarks = try await consumer.watermarks(of: partition)
    #expect(watermarks.beginning == 0 && watermarks.end == 55)
    await consumer.close()
  }

  @Test @Loop func `a group goes on where it committed, and commits survive the member`() async throws {
    let configuration = try TestCluster.configuration()
    let topic = TestCluster.freshTopic()
    let partition = TopicPartition(topic, 0)
    let options = group()
    try await fill(topic, (0..<10).map(String.init), configuration)
    let first = Recorder()
    let one = try Consumer(configuration, options, delegate: first)
    try one.subscribe(to: [topic])
    try await eventually("ten messages") { first.messages.count >= 10 }
    #expect(first.assigned.flatMap(\.self).contains(partition))
    try await one.commit([partition: 4])
    #expect(try await one.committed([partition]) == [partition: 4])
    await one.close()
    #expect(first.revoked.flatMap(\.self).contains(partition))

    let second = Recorder()
    let two = try Consumer(configuration, options, delegate: second)
    try two.subscribe(to: [topic])
    try await eventually("the rest") { second.messages.count >= 6 }
    #expect(second.values == (4..<10).map(String.init))
    await two.close()
    #expect(second.errors.isEmpty, "\(second.errors)")
  }

  @Test @Loop func `a held consumer is silent and goes on at once`() async throws {
    let configuration = try TestCluster.configuration()
    let topic = TestCluster.freshTopic()
    let partition = TopicPartition(topic, 0)
    try await fill(topic, (0..<10_000).map(String.init), configuration)
    let recorder = Recorder()
    let consumer = try Consumer(configuration, ConsumerOptions(), delegate: recorder)
    var holds = 0
    recorder.onMessages = { _, consumer in
      holds += 1
      consumer.isHeld = true
      let count = recorder.messages.count
      Loop.schedule(after: .milliseconds(5)) {
        #expect(recorder.messages.count == count)
        consumer.isHeld = false
      }
    }
    try await consumer.assign([partition: .beginning])
    try await eventually("all messages") { recorder.messages.count >= 10_000 }
    #expect(recorder.values == (0..<10_000).map(String.init))
    #expect(holds > 10)
    recorder.onMessages = nil
    await consumer.close()
  }

  @Test @Loop func `a held member keeps its place in the group and gives up partitions`() async throws {
    let configuration = try TestCluster.configuration()
    let topic = TestCluster.freshTopic()
    let options = group()
    try await fill(topic, ["x"], configuration)
    let one = try Consumer(configuration, options, delegate: Recorder())
    try one.subscribe(to: [topic])
    try await eventually("the assignment") { one.assignment.count == 4 }
    one.isHeld = true
    let two = try Consumer(configuration, options, delegate: Recorder())
    try two.subscribe(to: [topic])
    try await eventually("an even share") { one.assignment.count == 2 && two.assignment.count == 2 }
    await one.close()
    await two.close()
  }

  @Test @Loop func `a paused partition is silent and goes on without gap or repetition`() async throws {
    let configuration = try TestCluster.configuration()
    let topic = TestCluster.freshTopic()
    let partition = TopicPartition(topic, 0)
    try await fill(topic, (0..<1000).map(String.init), configuration)
    let recorder = Recorder()
    let consumer = try Consumer(configuration, ConsumerOptions(), delegate: recorder)
    var pauses = 0
    recorder.onMessages = { _, consumer in
      guard recorder.messages.count < 800 else { return }
      pauses += 1
      do {
        try consumer.pause([partition])
        let count = recorder.messages.count
        Loop.schedule(after: .milliseconds(20)) {
          #expect(recorder.messages.count == count)
          do { try consumer.resume([partition]) } catch { Issue.record(error) }
        }
      } catch { Issue.record(error) }
    }
    try await consumer.assign([partition: .beginning])
    try await eventually("all messages") { recorder.messages.count >= 1000 }
    #expect(recorder.values == (0..<1000).map(String.init))
    #expect(pauses > 1)
    recorder.onMessages = nil
    await consumer.close()
  }

  @Test @Loop func `seeking goes back and forth, and the end is reported`() async throws {
    let configuration = try TestCluster.configuration()
    let topic = TestCluster.freshTopic()
    let partition = TopicPartition(topic, 0)
    try await fill(topic, (0..<100).map(String.init), configuration)
    var options = ConsumerOptions()
    options.reportsEnd = true
    let recorder = Recorder()
    let consumer = try Consumer(configuration, options, delegate: recorder)
    try await consumer.assign([partition: .offset(90)])
    try await eventually("the end") { recorder.ends[partition] == 100 }
    #expect(recorder.values == (90..<100).map(String.init))
    recorder.messages = []
    recorder.ends = [:]
    try consumer.seek([partition: 10])
    try await eventually("the end again") { recorder.ends[partition] == 100 }
    #expect(recorder.values == (10..<100).map(String.init))
    await consumer.close()
  }

  @Test @Loop func `a position outside the log is an error where the policy says so`() async throws {
    let configuration = try TestCluster.configuration()
    let topic = TestCluster.freshTopic()
    let partition = TopicPartition(topic, 0)
    try await fill(topic, ["only"], configuration)
    let recorder = Recorder()
    let consumer = try Consumer(configuration, ConsumerOptions(), delegate: recorder)
    try await consumer.assign([partition: .offset(1000)])
    try await eventually("an error") { recorder.errors.contains { $0.0.reason == .noSuchOffset } }
    #expect(recorder.errors.first { $0.0.reason == .noSuchOffset }?.1 == partition)
    #expect(recorder.messages.isEmpty)
    try consumer.seek([partition: 0])
    try await eventually("the message") { recorder.values == ["only"] }
    await consumer.close()
  }

  @Test @Loop func `two members share the partitions, and what one gives up is committed first`() async throws {
    let configuration = try TestCluster.configuration()
    let topic = TestCluster.freshTopic()
    let options = group()
    for partition in 0..<4 {
      try await fill(topic, partition: Int32(partition), ["\(partition)"], configuration)
    }
    let first = Recorder()
    let one = try Consumer(configuration, options, delegate: first)
    first.onRevoked = { partitions, consumer in
      do {
        try await Loop.sleep(for: .milliseconds(30))
        try await consumer.commit(Dictionary(uniqueKeysWithValues: partitions.map { ($0, 1) }))
      } catch { Issue.record(error) }
    }
    try one.subscribe(to: [topic])
    try await eventually("four messages") { first.messages.count >= 4 }
    #expect(one.assignment.count == 4)

    let second = Recorder()
    let two = try Consumer(configuration, options, delegate: second)
    try two.subscribe(to: [topic])
    try await eventually("an even share") { one.assignment.count == 2 && two.assignment.count == 2 }
    #expect(one.assignment.isDisjoint(with: two.assignment))
    // Cooperative: the first member kept two partitions throughout.
    #expect(first.revoked.flatMap(\.self).count == 2)
    #expect(second.messages.isEmpty)
    try await two.commit(Dictionary(uniqueKeysWithValues: two.assignment.map { ($0, 1) }))
    await two.close()
    try await eventually("all back") { one.assignment.count == 4 }
    #expect(first.messages.count == 4)
    await one.close()
    #expect(first.errors.isEmpty && second.errors.isEmpty, "\(first.errors) \(second.errors)")
  }

  @Test @Loop func `a static member that comes back takes its partitions again without a rebalance`() async throws {
    let configuration = try TestCluster.configuration()
    let topic = TestCluster.freshTopic()
    let name = TestCluster.freshTopic()
    for partition in 0..<4 { try await fill(topic, partition: Int32(partition), ["x"], configuration) }
    let recorders = [Recorder(), Recorder()]
    let members = try recorders.indices.map {
      try Consumer(configuration, group("slot-\($0)", name: name), delegate: recorders[$0])
    }
    for member in members { try member.subscribe(to: [topic]) }
    try await eventually("an even share") { members.allSatisfy { $0.assignment.count == 2 } }
    let share = members[1].assignment
    let rebalances = recorders[0].assigned.count + recorders[0].revoked.count
    await members[1].close()
    let back = Recorder()
    let again = try Consumer(configuration, group("slot-1", name: name), delegate: back)
    try again.subscribe(to: [topic])
    try await eventually("the old share") { again.assignment == share }
    #expect(recorders[0].assigned.count + recorders[0].revoked.count == rebalances)
    await again.close()
    await members[0].close()
  }

  @Test @Loop func `an idle member proves to be alive and keeps its partitions`() async throws {
    let configuration = try TestCluster.configuration()
    let topic = TestCluster.freshTopic()
    try await fill(topic, ["x"], configuration)
    var options = group()
    options.group?.sessionTimeout = .seconds(6)
    options.group?.stallTimeout = .seconds(6)
    let recorder = Recorder()
    let consumer = try Consumer(configuration, options, delegate: recorder)
    try consumer.subscribe(to: [topic])
    try await eventually("the assignment") { !consumer.assignment.isEmpty }
    try await Loop.sleep(for: .seconds(9))
    #expect(recorder.revoked.isEmpty)
    #expect(recorder.errors.isEmpty, "\(recorder.errors)")
    await consumer.close()
  }

  @Test @Loop func `a message may outlive its consumer`() async throws {
    let configuration = try TestCluster.configuration()
    let topic = TestCluster.freshTopic()
    try await fill(topic, ["kept"], configuration)
    var recorder: Recorder? = Recorder()
    let consumer = try Consumer(configuration, ConsumerOptions(), delegate: recorder!)
    try await consumer.assign([TopicPartition(topic, 0): .beginning])
    try await eventually("the message") { recorder?.messages.isEmpty == false }
    let message = try #require(recorder?.messages.first)
    recorder = nil
    await consumer.close()
    #expect(message.value == Array("kept".utf8))
    #expect(message.topic == topic)
  }

  @Test @Loop func `a closed consumer refuses every call and may be closed again`() async throws {
    let configuration = try TestCluster.configuration()
    let consumer = try Consumer(configuration, group(), delegate: Recorder())
    await consumer.close()
    await consumer.close()
    #expect(throws: KafkaError.self) { try consumer.subscribe(to: ["x"]) }
    await #expect(throws: KafkaError.self) { try await consumer.commit([TopicPartition("x", 0): 1]) }
    await #expect(throws: KafkaError.self) { try await consumer.assign([TopicPartition("x", 0): .end]) }
  }
}
