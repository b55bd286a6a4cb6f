import Contract
import Crypto
import Curl
import EventLoop
import Glibc
import HTTP
import Kafka
import Postgres
import Redis
import TestKit
import struct Wire.HTTPRequestHead

/// Every module that owns memory of a C library, led through what it does and through what goes wrong, and given up again.
/// AddressSanitizer watches, and LeakSanitizer says at the end what nobody points to any more.
@Loop struct Leaks {
  private static let rounds = 3

  /// Something that went otherwise than it must.
  struct Failure: Error {
    let what: String
  }

  func run() async throws {
    let (postgres, redis, broker) = (try await PostgresServer(), try await RedisServer(), try BrokerServer())
    defer { broker.stop() }
    for _ in 0..<Self.rounds {
      try crypto()
      try await curl()
      try await query(postgres)
      try await breakConnections(postgres)
      try await command(redis)
      try await subscribe(redis)
      try await produceAndConsume(broker)
    }
    try await postgres.process.kill()
    try await redis.process.kill()
    // Clients are taken down in the background.
    try await Loop.sleep(for: .seconds(1))
  }

  /// Calls `body`, which must fail.
  private func mustFail(_ what: String, _ body: @Loop () async throws -> Void) async throws {
    do { try await body() } catch { return }
    throw Failure(what: "\(what) did not fail")
  }

  // MARK: Crypto

  private func crypto() throws {
    let ring = KeyRing(current: 1, keys: [1: SymmetricKey()]).derived(for: "leaks")
    let sealed = ring.seal([1, 2, 3], context: [4])
    guard try ring.open(sealed, context: [4]) == [1, 2, 3], (try? ring.open(sealed, context: [5])) == nil else {
      throw Failure(what: "what was sealed does not open")
    }
    let key = SigningKey()
    guard key.verifyingKey.isValid(key.sign([1]), for: [1]) else { throw Failure(what: "a signature is not valid") }
    let hash = try Password.hash("correct horse battery", cost: .init(passes: 1, memory: 1 << 20))
    guard Password.verify("correct horse battery", against: hash) else { throw Failure(what: "a password is wrong") }
  }

  // MARK: Curl

  private func curl() async throws {
    let server = try HTTPServer(on: .anyLoopbackPort) { request in
      switch request.head.rawTarget {
      case "/silent": break
      default: request.withBody { _ in request.answer(HTTPResponse(type: "text/plain", bytes: [120])) }
      }
    }
    var options = HTTPClient.Options()
    options.responseLimit = 1000
    let client = HTTPClient(options)
    let url = "http://\(server.address)"
    for _ in 0..<5 { _ = try await client.send(.init("POST", url, headers: [("X-A", "b")], body: [1])) }
    try await mustFail("a request that nobody answers") {
      _ = try await client.send(.init("GET", url + "/silent", timeout: .milliseconds(50)))
    }
    let cancelled = Task { @Loop in _ = try await client.send(.init("GET", url + "/silent")) }
    try await Loop.sleep(for: .milliseconds(20))
    cancelled.cancel()
    try await mustFail("a request that was cancelled") { try await cancelled.value }
    client.close()
    server.stop()
    try await mustFail("mail to nobody") {
      try await SMTPClient(url: "smtp://127.0.0.1:1").send([1], from: "a@example.org", to: ["b@example.org"])
    }
  }

  // MARK: PostgreSQL

  private func query(_ server: PostgresServer) async throws {
    let database = Database(.init(url: try await server.freshURL(), applicationName: "leaks"))
    try await database.migrate([Migration(name: "001_rows", sql: "create table rows (id int primary key, text text)")])
    for number in 1...20 {
      try await database.transaction { transaction in
        transaction.send("insert into rows values (\(number), \("row \(number)"))")
        _ = try await transaction.query("select id, text from rows order by id").decode(Int.self, String.self)
      }
    }
    try await mustFail("a query that is wrong") { try await database.query("select nothing") }
    try await mustFail("a transaction that contradicts") {
      _ = try await database.transaction { try await $0.query("insert into rows values (1, 'again')") }
    }
    try await mustFail("a transaction that takes too long") {
      _ = try await database.transaction(timeout: .milliseconds(50)) { try await $0.query("select pg_sleep(5)") }
    }
    let heard = Promise<Void>()
    let listening = database.listen(to: "leaks") { if case .listening = $0 { heard.fulfil(()) } }
    try await heard.value
    try await database.query("notify leaks, 'something'")
    listening.cancel()
    let writer = BatchWriter(database)
    for number in 100..<120 { _ = try await writer.write("insert into rows values (\(number), '')") }
    try await mustFail("a row that is there already") {
      _ = try await writer.write("insert into rows values (100, '')")
    }
    writer.close()
    database.close()
  }

  private func breakConnections(_ server: PostgresServer) async throws {
    let database = Database(.init(url: server.url(), applicationName: "leaks"))
    try await mustFail("a session that is ended") {
      _ = try await database.transaction { try await $0.query("select pg_terminate_backend(pg_backend_pid())") }
    }
    try await database.query("select 1")
    database.close()
    var lost = Database.Configuration(url: "postgresql://127.0.0.1:1/nowhere", applicationName: "leaks")
    lost.waitTimeout = .milliseconds(200)
    let nowhere = Database(lost)
    try await mustFail("a server that is not there") {
      _ = try await nowhere.transaction { try await $0.query("select 1") }
    }
    nowhere.close()
  }

  // MARK: Redis

  private func command(_ server: RedisServer) async throws {
    let redis = RedisClient(try RedisConfiguration(url: server.url(), clientName: "leaks"))
    try await redis.send("SET leaks:a \([UInt8](repeating: 42, count: 100_000))")
    _ = try await redis.send(["GET leaks:a", "INCR leaks:n", "LRANGE leaks:a 0 1"])
    let script = RedisScript("return {KEYS[1], {ARGV[1], 1}}")
    for _ in 0..<3 { _ = try await redis.run(script, keys: "leaks:a", arguments: "x") }
    try await mustFail("a command that is wrong") { try await redis.send("LRANGE leaks:n 0 1") }
    // Whether the answer or the end of the session comes first is for Redis to say.
    _ = try? await redis.send("CLIENT KILL TYPE normal SKIPME no")
    _ = try? await redis.send("PING")
    try await redis.send("PING")
    redis.close()
  }

  private func subscribe(_ server: RedisServer) async throws {
    let configuration = try RedisConfiguration(url: server.url(), clientName: "leaks")
    let heard = Promise<Void>()
    let subscriber = RedisSubscriber(configuration) { event in
      if case .message = event { heard.fulfil(()) }
    }
    try await subscriber.subscribe("leaks")
    let redis = RedisClient(configuration)
    try await redis.send("PUBLISH leaks hello")
    try await heard.value
    subscriber.unsubscribe("leaks")
    subscriber.close()
    redis.close()
  }

  // MARK: Kafka

  /// Hears of what is consumed.
  @Loop private final class Reader: ConsumerDelegate {
    let all = Promise<Void>()
    private var left: Int

    init(expecting count: Int) { left = count }

    func received(_ messages: [KafkaMessage], from consumer: Consumer) {
      for message in messages where message.value != nil && !message.allHeaders.isEmpty { left -= 1 }
      if left <= 0 { all.fulfil(()) }
    }

    func failed(_ error: KafkaError, partition: TopicPartition?, in consumer: Consumer) {}
  }

  private func produceAndConsume(_ broker: BrokerServer) async throws {
    let configuration = try KafkaConfiguration(brokers: broker.address, clientID: "leaks")
    let admin = try Admin(configuration)
    let name = "leaks.\(randomBytes(8).map { String($0) }.joined(separator: "-"))"
    _ = try await admin.createTopics([Admin.NewTopic(name, partitions: 2)])
    let producer = try Producer(configuration)
    let topic = try producer.topic(name)
    for number in 0..<50 {
      _ = try await producer.produce(
        to: topic, partition: Int32(number % 2), key: [1], value: [2], headers: [KafkaHeader("a", "b")])
    }
    try await mustFail("a message that is too large") {
      _ = try await producer.produce(to: topic, value: [UInt8](repeating: 0, count: 3 << 20))
    }
    let reader = Reader(expecting: 50)
    let consumer = try Consumer(configuration, ConsumerOptions(), delegate: reader)
    try await consumer.assign([TopicPartition(name, 0): .beginning, TopicPartition(name, 1): .beginning])
    try await reader.all.value
    await consumer.close()
    let member = Reader(expecting: 50)
    var options = ConsumerOptions(group: .init(name))
    options.reset = .earliest
    let grouped = try Consumer(configuration, options, delegate: member)
    try grouped.subscribe(to: [name])
    try await member.all.value
    try await grouped.commit([TopicPartition(name, 0): 25])
    await grouped.close()
    try await producer.close(within: .seconds(5))
    admin.close()
  }

  /// What LeakSanitizer must complain of: memory that nobody points to any more.
  static func leak() {
    // Several, since an address may be left over on the stack by chance.
    for _ in 0..<100 { memset(malloc(1000), 1, 1000) }
  }
}
