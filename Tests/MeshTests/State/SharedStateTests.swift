import Contract
import EventLoop
import Kafka
import Postgres
import Telemetry
import TestKit
import Testing

@testable import Mesh

/// Shared state, from transactions to a copy of the topic.
@Suite(.timeLimit(.minutes(2))) struct SharedStateTests {
  struct Lamp: SharedState, Equatable {
    // Each test has a service, and so a topic, of its own.
    @TaskLocal static var topic = ""
    let color: String
  }

  /// A service's database and what publishes its state; several stand for several replicas.
  @Loop final class World {
    let database: Database
    let transactor: Transactor
    let topic: String
    var states: [StatePublisher] = []

    init(replicas: Int) async throws {
      topic = "\(TestMesh.freshService()).lamps"
      database = Database(.init(url: try await PostgresServer.shared().freshURL(), applicationName: "test"))
      try await database.migrate(RuntimeTables.migrations, recordedIn: RuntimeTables.record)
      let publisher = try Publisher(TestMesh.kafka(), database, log: .disabled, metrics: Metrics())
      transactor = Transactor(database, publisher, try TestMesh.pushes(of: "test", in: database))
      for _ in 0..<replicas {
        let state = StatePublisher(database, log: TestMesh.log, metrics: Metrics())
        state.add(topic)
        states.append(state)
      }
      let admin = try Admin(TestMesh.kafka())
      try await admin.waitUntilReady(within: .seconds(10))
      _ = try await admin.createTopics(states[0].newTopics)
      admin.close()
    }

    func share(_ values: [String: String?]) async throws {
      try await Lamp.$topic.withValue(topic) {
        try await transactor.run(now: .now, timeout: .seconds(5)) { _, tx in
          for (key, color) in values {
            if let color { try tx.share(Lamp(color: color), key: key) } else { tx.withdraw(Lamp.self, key: key) }
          }
        }
      }
    }

    func start() async throws { for state in states { try await state.start(TestMesh.kafka()) } }

    func end() async {
      for state in states { await state.stop(within: .seconds(2)) }
      database.close()
    }
  }

  /// All that a topic holds, in order.
  @Loop final class Reader: ConsumerDelegate {
    private(set) var values: [(key: String, value: String?)] = []
    private var consumer: Consumer?

    init(_ topic: String) async throws {
      var options = ConsumerOptions()
      options.reset = .earliest
      let consumer = try Consumer(TestMesh.kafka(), options, delegate: self)
      self.consumer = consumer
      try await consumer.assign([TopicPartition(topic, 0): .beginning], within: .seconds(10))
    }

    var last: [String: String] {
      values.reduce(into: [:]) { $0[$1.key] = $1.value }
    }

    func close() async { await consumer?.close(within: .seconds(1)) }

    func received(_ messages: [KafkaMessage], from consumer: Consumer) {
      for message in messages {
        let key = String(decoding: message.key ?? [], as: UTF8.self)
        values.append((key, message.value.map { String(decoding: $0, as: UTF8.self) }))
      }
    }

    func failed(_ error: KafkaError, partition: TopicPartition?, in consumer: Consumer) {}
  }

  @Test @Loop func `what is there at the start is published before it returns, and later changes follow`() async throws
  {
    let world = try await World(replicas: 1)
    try await world.share(["a": "red", "b": "blue"])
    try await world.start()
    let unpublished = try await world.database.query("select 1 from mesh_shared_state where version > published")
    #expect(unpublished.isEmpty)
    let reader = try await Reader(world.topic)
    world.transactor.stateShared = { world.states[0].look() }
    try await world.share(["a": "green"])
    try await world.share(["b": nil])
    try await TestMesh.wait { reader.last == ["a": #"{"color":"green"}"#] }
    try await TestMesh.wait {
      try await world.database.query("select key from mesh_shared_state").decode(String.self) == ["a"]
    }
    try await world.share(["b": "white"])
    try await TestMesh.wait { reader.last["b"] == #"{"color":"white"}"# }
    await reader.close()
    await world.end()
  }

  @Test @Loop func `what a replica left behind another publishes`() async throws {
    let world = try await World(replicas: 1)
    try await world.start()
    let reader = try await Reader(world.topic)
    // Nobody is told of the commit, as when its process has died.
    try await world.share(["a": "red"])
    try await TestMesh.wait { reader.last == ["a": #"{"color":"red"}"#] }
    await reader.close()
    await world.end()
  }

  @Test @Loop func `a value that is being published by one is not overtaken by the next`() async throws {
    let world = try await World(replicas: 1)
    try await world.start()
    let reader = try await Reader(world.topic)
    try await world.share(["a": "red"])
    try await TestMesh.wait { reader.last == ["a": #"{"color":"red"}"#] }
    // Another replica holds the lease, and is slow.
    try await world.database.query(
      "update mesh_shared_state set leased_until = now() + interval '1.5 seconds' where key = 'a'")
    let begin = ContinuousClock.now
    try await world.share(["a": "green"])
    try await TestMesh.wait { reader.last == ["a": #"{"color":"green"}"#] }
    #expect(ContinuousClock.now - begin >= .seconds(1))
    await reader.close()
    await world.end()
  }

  @Test @Loop func `replicas that change the same keys at once agree with the topic in the end`() async throws {
    var random = SeededRandom.fromEnvironment()
    let world = try await World(replicas: 3)
    try await world.start()
    let reader = try await Reader(world.topic)
    let keys = ["a", "b", "c", "d"]
    var tasks: [Task<Void, any Error>] = []
    for number in 0..<300 {
      let key = keys.randomElement(using: &random)!
      let value: String? = Int.random(in: 0..<4, using: &random) == 0 ? nil : "\(number)"
      let replica = world.states.randomElement(using: &random)!
      tasks.append(
        Task { @Loop in
          try await world.share([key: value])
          replica.look()
        })
      if number % 10 == 0 { try await Loop.sleep(for: .milliseconds(Int.random(in: 0..<8, using: &random))) }
    }
    for task in tasks { try await task.value }
    try await TestMesh.wait {
      let rows = try await world.database.query(
        "select key, value, version > published from mesh_shared_state"
      )
      .decode(String.self, String?.self, Bool.self)
      return !rows.contains { $0.2 }
        && reader.last == rows.reduce(into: [:]) { $0[$1.0] = $1.1 }
    }
    await reader.close()
    await world.end()
  }
}
