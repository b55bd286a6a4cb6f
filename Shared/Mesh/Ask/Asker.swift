public import Contract
import Crypto
public import EventLoop
public import Kafka
public import Telemetry

/// A question to a service.
public struct Question: Sendable {
  /// Who asks what, until when.
  public var passport: Passport
  /// The JSON body; of a `GET` or `DELETE` the query part of the URL.
  public var body: [UInt8]
  /// What keeps it in order with others: path value, member or idempotency key. Nil for none.
  public var key: [UInt8]?
  /// After how long without an answer to ask another replica too; nil never. Only what takes effect once may be hedged:
  /// reads, and writes that are recorded in Postgres.
  public var hedgeAfter: Duration?
  /// The span of the asker.
  public var trace: TraceContext?

  /// Describes a question.
  public init(
    _ passport: Passport, body: [UInt8], key: [UInt8]? = nil, hedgeAfter: Duration? = nil, trace: TraceContext? = nil
  ) {
    (self.passport, self.body, self.key) = (passport, body, key)
    (self.hedgeAfter, self.trace) = (hedgeAfter, trace)
  }
}

/// Why there is no answer.
public enum AskError: Error, Sendable, CustomStringConvertible {
  /// Time was up. Whether anything took effect is unknown: ask again with the same idempotency key.
  case timedOut(endpoint: String)
  /// Too many questions wait for answers, or to be sent. Nothing was sent.
  case overloaded
  /// The question could not be handed to Kafka. Nothing took effect.
  case unreachable(String)
  /// No replica that was asked knows the endpoint.
  case unknownEndpoint(String)
  /// This process was given no key for asking that service.
  case noKey(service: String)
  /// The process is ending.
  case closed

  /// One line for a log.
  public var description: String {
    switch self {
    case .timedOut(let endpoint): "\(endpoint) was not answered in time; whether it took effect is unknown"
    case .overloaded: "too many questions wait for answers; try again later"
    case .unreachable(let reason): "the question could not be sent: \(reason)"
    case .unknownEndpoint(let endpoint): "no replica knows \(endpoint)"
    case .noKey(let service): "this process has no key for asking \(service); give it one (MESH_PEERS)"
    case .closed: "the process is ending"
    }
  }
}

/// Asks services and waits for their answers: one for a process.
///
/// **Overview.** A question goes to the service's requests topic, its body sealed. The answer comes back on one partition
/// of the common replies topic, chosen at random when the process starts, and is told from others' by the process's
/// incarnation and the question's number.
///
/// **Guarantees.** Every question ends: with an answer, or with an `AskError` at its deadline at the latest. An answer is
/// authentic, or it is not seen. A late or second answer is dropped.
///
/// **Life cycle.** `start()` returns when the position in the replies topic is fixed, so no answer is missed; nothing can
/// be asked before. `close()` fails what waits.
@Loop public final class Asker: ConsumerDelegate {
  /// Bounds and times.
  public struct Options: Sendable {
    /// How many questions may wait for answers.
    public var limit = 50_000
    /// How many replicas are asked when one does not know the endpoint.
    public var replicaTries = 3
    /// Share of the questions that may be hedged.
    public var hedgeShare = 0.1
    /// The defaults.
    public init() {}
  }

  private final class Pending {
    let question: Question
    let sealed: [UInt8]
    let passport: [UInt8]
    let ring: KeyRing
    let completion: @Loop (Result<Answer, AskError>) -> Void
    var partition: Int32
    var tries = 1
    var isHedged = false
    var timer: LoopTimer?

    init(
      _ question: Question, sealed: [UInt8], passport: [UInt8], ring: KeyRing, partition: Int32,
      completion: @escaping @Loop (Result<Answer, AskError>) -> Void
    ) {
      (self.question, self.sealed, self.passport, self.ring) = (question, sealed, passport, ring)
      (self.partition, self.completion) = (partition, completion)
    }
  }

  private static let metadataInterval = Duration.seconds(30)
  private static let moment = Duration.milliseconds(2)

  private let kafka: KafkaConfiguration
  private let keys: MeshKeys
  private let options: Options
  private let log: Log
  private let producer: Producer
  private let linger = AdaptiveLinger()
  private var consumer: Consumer?
  private var keyCache = KeyCache()
  private var pending: [UInt64: Pending] = [:]
  private var lastNumber: UInt64 = 0
  /// Until when questions without a key go to which partition, before it is cut down to their number.
  private var moment: (end: ContinuousClock.Instant, draw: Int32) = (.now, 0)
  private var budget: HedgeBudget
  private var partitionCounts: [String: Int] = [:]
  private var metadataTimer: LoopTimer?
  private var isLearning = false
  /// Questions to services whose topic is not known yet: they wait until it has been looked for once.
  private var unplaced: [(question: Question, completion: @Loop (Result<Answer, AskError>) -> Void)] = []
  private let incarnation: UniqueID
  private let incarnationBytes: [UInt8]
  private let replyPartition: Int32
  private let unanswered: Counter
  private let hedges: Counter
  private let waiting: Gauge

  /// Prepares to ask. Throws `KafkaError` when the configuration is at fault.
  public init(
    _ kafka: KafkaConfiguration, keys: MeshKeys, options: Options = Options(), log: Log, metrics: Metrics
  ) throws {
    (self.kafka, self.keys, self.options, self.log) = (kafka, keys, options, log)
    var producing = Producer.Options()
    producing.guarantee = .leader
    producing.deliveryTimeout = .seconds(15)
    producing.reportDelay = .milliseconds(10)
    producer = try Producer(kafka, producing)
    budget = HedgeBudget(share: options.hedgeShare)
    var random = SystemRandomNumberGenerator()
    incarnation = UniqueID(high: random.next(), low: random.next())
    var writer = EnvelopeWriter()
    writer.write(incarnation)
    incarnationBytes = writer.bytes
    replyPartition = Int32.random(in: 0..<Int32(MeshTopics.replyPartitions), using: &random)
    unanswered = metrics.counter("mesh_asks_unanswered_total", "Questions whose time was up.")
    hedges = metrics.counter("mesh_asks_hedged_total", "Questions that were sent to a second replica.")
    waiting = metrics.gauge("mesh_asks_waiting", "Questions that wait for an answer.")
  }

  /// Finds its place in the replies topic. Throws `KafkaError` when Kafka cannot be reached or the topic is missing.
  public func start() async throws {
    var reading = ConsumerOptions()
    reading.reset = .latest
    reading.fetchWait = .milliseconds(500)
    let consumer = try Consumer(kafka, reading, delegate: self)
    try await consumer.assign([TopicPartition(MeshTopics.replies, replyPartition): .end])
    self.consumer = consumer
    try await learnPartitions()
    metadataTimer = Loop.schedule(after: Self.metadataInterval) { [weak self] in self?.relearnPartitions() }
  }

  /// Fails what waits and ends.
  public func close() async {
    metadataTimer?.cancel()
    for number in Array(pending.keys) { end(number, .failure(.closed)) }
    await consumer?.close(within: .seconds(1))
    try? await producer.close(within: .seconds(1))
    consumer = nil
  }

  /// Asks, and returns the answer. Throws `AskError`.
  public func ask(_ question: Question) async throws(AskError) -> Answer {
    let result = await withCheckedContinuation { continuation in
      ask(question) { continuation.resume(returning: $0) }
    }
    return try result.get()
  }

  /// Asks; `completion` is called exactly once, at the latest when the deadline has passed.
  public func ask(_ question: Question, completion: @escaping @Loop (Result<Answer, AskError>) -> Void) {
    let service = String(question.passport.endpoint.prefix { $0 != "." })
    guard consumer != nil else { return completion(.failure(.closed)) }
    guard pending.count < options.limit else { return completion(.failure(.overloaded)) }
    guard let ring = keyCache.ring(service, { [keys] in $0.flatMap { keys.asking($0) } }) else {
      return completion(.failure(.noKey(service: service)))
    }
    guard let count = partitionCounts[MeshTopics.requests(of: service)] else {
      guard unplaced.count < options.limit else { return completion(.failure(.overloaded)) }
      unplaced.append((question, completion))
      return relearnPartitions()
    }
    lastNumber += 1
    let number = lastNumber
    let passport = question.passport.bytes
    let asked = Pending(
      question, sealed: ring.seal(question.body, context: passport), passport: passport, ring: ring,
      partition: question.key.map { partition(of: $0, among: count) } ?? partitionOfTheMoment(among: count),
      completion: completion)
    pending[number] = asked
    waiting.set(pending.count)
    budget.earn()
    asked.timer = Loop.schedule(after: min(asked.question.hedgeAfter ?? .seconds(3600), timeLeft(asked))) {
      [weak self] in self?.timeIsUp(number)
    }
    linger.send(underWay: pending.count) { [weak self] in self?.send(number, asked, isHedge: false) }
  }

  /// Where questions without a key go: for a short while all to the same partition, so that they travel together.
  private func partitionOfTheMoment(among count: Int) -> Int32 {
    if Loop.now >= moment.end { moment = (Loop.now + Self.moment, .random(in: 0..<Int32.max)) }
    return moment.draw % Int32(count)
  }

  private func timeLeft(_ asked: Pending) -> Duration {
    max(.zero, asked.question.passport.deadline - Timestamp.now)
  }

  /// The time to hedge, or the deadline.
  private func timeIsUp(_ number: UInt64) {
    guard let asked = pending[number] else { return }
    let left = timeLeft(asked)
    guard left > .zero else {
      unanswered.add(1)
      return end(number, .failure(.timedOut(endpoint: asked.question.passport.endpoint)))
    }
    asked.timer?.reset(after: left)
    guard asked.question.hedgeAfter != nil, !asked.isHedged, budget.spend() else { return }
    asked.isHedged = true
    hedges.add(1)
    moveToOtherPartition(asked)
    send(number, asked, isHedge: true)
  }

  private func moveToOtherPartition(_ asked: Pending) {
    let service = String(asked.question.passport.endpoint.prefix { $0 != "." })
    let count = Int32(partitionCounts[MeshTopics.requests(of: service)] ?? 1)
    guard count > 1 else { return }
    asked.partition = (asked.partition + Int32.random(in: 1..<count)) % count
  }

  private func send(_ number: UInt64, _ asked: Pending, isHedge: Bool) {
    guard pending[number] != nil else { return }
    let address = ReplyAddress(
      partition: replyPartition, incarnation: incarnation, number: number, isHedge: isHedge)
    var headers = [KafkaHeader(Header.passport, asked.passport), KafkaHeader(Header.reply, address.bytes)]
    if let trace = asked.question.trace { headers.append(KafkaHeader(Header.traceparent, trace.traceparent)) }
    let service = String(asked.question.passport.endpoint.prefix { $0 != "." })
    do {
      try producer.send(
        to: producer.topic(MeshTopics.requests(of: service)), partition: asked.partition, key: asked.question.key,
        value: asked.sealed, headers: headers
      ) { [weak self] outcome in
        // What may have arrived all the same may be answered yet; the deadline decides.
        if case .failure(let error) = outcome, !error.mayBeStored, !isHedge {
          self?.end(number, .failure(.unreachable(error.description)))
        }
      }
    } catch {
      if !isHedge { end(number, .failure(error.reason == .overloaded ? .overloaded : .unreachable(error.description))) }
    }
  }

  private func end(_ number: UInt64, _ result: Result<Answer, AskError>) {
    guard let asked = pending.removeValue(forKey: number) else { return }
    asked.timer?.cancel()
    waiting.set(pending.count)
    asked.completion(result)
  }

  // MARK: Answers

  /// Called by the consumer of the replies.
  public func received(_ messages: [KafkaMessage], from consumer: Consumer) {
    for message in messages { receive(message) }
  }

  private func receive(_ message: KafkaMessage) {
    let isOurs = message.withHeader(Header.reply) { bytes in bytes?.starts(with: incarnationBytes) ?? false }
    guard isOurs, let headBytes = message.header(Header.reply), let head = ReplyHead(headBytes),
      let asked = pending[head.number]
    else { return }
    let content: [UInt8]
    do {
      content = try message.withValue { value throws(SealError) in
        try asked.ring.open(value ?? UnsafeRawBufferPointer(start: nil, count: 0), context: headBytes)
      }
    } catch {
      return log.limited().warning("an answer does not open", ["error": "\(error)"])
    }
    if head.kind == .unknownEndpoint {
      guard asked.tries < options.replicaTries else {
        return end(head.number, .failure(.unknownEndpoint(asked.question.passport.endpoint)))
      }
      asked.tries += 1
      moveToOtherPartition(asked)
      return send(head.number, asked, isHedge: false)
    }
    guard let answer = Answer(head.kind, status: Int(head.status), content: content) else {
      return log.limited().warning("an answer is malformed", ["endpoint": asked.question.passport.endpoint])
    }
    end(head.number, .success(answer))
  }

  /// Called by the consumer of the replies.
  public func failed(_ error: KafkaError, partition: TopicPartition?, in consumer: Consumer) {
    log.limited().warning("trouble with the replies", ["error": "\(error)"])
  }

  // MARK: Partitions

  private func learnPartitions() async throws {
    let topics = try await producer.metadata().topics
    partitionCounts = topics.filter { $0.key.hasSuffix(".requests") }
  }

  private func relearnPartitions() {
    metadataTimer?.reset(after: Self.metadataInterval)
    guard !isLearning else { return }
    isLearning = true
    Loop.task { [self] in
      do { try await learnPartitions() } catch { log.limited().warning("topics unknown", ["error": "\(error)"]) }
      isLearning = false
      let waiting = unplaced
      unplaced = []
      for (question, completion) in waiting {
        let topic = MeshTopics.requests(of: String(question.passport.endpoint.prefix { $0 != "." }))
        if partitionCounts[topic] == nil {
          completion(.failure(.unreachable("topic \(topic) is not known")))
        } else {
          ask(question, completion: completion)
        }
      }
    }
  }
}

extension Timestamp {
  /// The time of the system's clock.
  public static var now: Timestamp {
    Timestamp(microseconds: clockMicroseconds())
  }
}
