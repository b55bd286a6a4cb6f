import Contract
import Crypto
import EventLoop
import Kafka
import Telemetry

/// Answers the questions that are asked of a service: one for a process.
///
/// **Overview.** Questions with the same key are answered in order, others side by side. One whose deadline has passed is
/// dropped: nobody waits. Of a question that does not open nothing is believed, and nothing is answered.
///
/// **Guarantees.** Until its answer is on its way to Kafka a crash brings a question back, and may do so a little later too.
/// So a question is answered at least once, and whoever changes something records what was done (see `Idempotency`).
@Loop final class Answerer {
  /// Answers one question; errors have become answers already.
  typealias Handler = @Loop (Asked) async -> Answer

  /// Questions under way at once; each may hold a connection to the database.
  private static let limit = 256

  private let service: String
  private let keys: MeshKeys
  private let log: Log
  private let producer: Producer
  private let linger = AdaptiveLinger()
  private var consumer: OrderedConsumer!
  private var handlers: [String: Handler] = [:]
  private var keyCache = KeyCache()
  private let answered: [Answer.Kind: Counter]
  private let expired: Counter
  private let refused: Counter
  private let duration: Histogram

  init(service: String, _ producer: Producer, keys: MeshKeys, log: Log, metrics: Metrics) {
    (self.service, self.producer, self.keys, self.log) = (service, producer, keys, log)
    let kinds: [(Answer.Kind, String)] = [
      (.reply, "reply"), (.problem, "problem"), (.unknownEndpoint, "unknown_endpoint"), (.failure, "failure"),
    ]
    answered = Dictionary(
      kinds.map { ($0, metrics.counter("mesh_answers_total", "Questions answered, by kind of answer.", ["kind": $1])) }
    ) { first, _ in first }
    expired = metrics.counter("mesh_questions_expired_total", "Questions dropped since nobody waits any more.")
    refused = metrics.counter("mesh_questions_refused_total", "Questions that are malformed or do not open.")
    duration = metrics.histogram("mesh_answer_seconds", "From taking up a question to handing out its answer.")
    consumer = OrderedConsumer(group: service, limit: Self.limit, log: log, metrics: metrics) { [unowned self] in
      await answer($0)
      return nil
    }
  }

  /// Says who answers the questions called `endpoint`. Before `start`.
  func add(_ endpoint: String, _ handler: @escaping Handler) {
    precondition(handlers[endpoint] == nil, "\(endpoint) is answered twice")
    handlers[endpoint] = handler
  }

  /// Begins to take questions. `instance` is the replica's static membership id.
  func start(_ kafka: KafkaConfiguration, instance: String?) throws {
    try consumer.start(kafka, topics: [MeshTopics.requests(of: service)], instance: instance)
  }

  /// Whether the group has given this replica a share of the questions.
  var isReady: Bool { consumer.hasJoined }

  /// Called when no more questions can be taken.
  var failedForGood: (@Loop (KafkaError) -> Void)? {
    get { consumer.failedForGood }
    set { consumer.failedForGood = newValue }
  }

  /// Takes no more questions, and answers those under way.
  func stop(within limit: Duration) async {
    await consumer.stop(within: limit)
    linger.flush()
  }

  private func answer(_ message: KafkaMessage) async {
    guard let passportBytes = message.header(Header.passport), let passport = Passport(passportBytes),
      let address = message.header(Header.reply).flatMap(ReplyAddress.init)
    else {
      refused.add(1)
      return log.limited().warning("a question is malformed", ["offset": message.offset])
    }
    let now = Timestamp.now
    guard passport.deadline > now else { return expired.add(1) }
    guard let ring = keyCache.ring(passport.asker, { [keys] in keys.asked(by: $0) }) else { return }
    let body: [UInt8]
    do {
      body = try message.withValue { value throws(SealError) in
        try ring.open(value ?? UnsafeRawBufferPointer(start: nil, count: 0), context: passportBytes)
      }
    } catch {
      refused.add(1)
      return log.limited().warning(
        "a question does not open",
        ["endpoint": passport.endpoint, "asker": passport.asker ?? "gateway", "error": "\(error)"])
    }
    let caller = message.header(Header.traceparent).flatMap { TraceContext(traceparent: $0) }
    let context = Context(
      caller: passport.caller, request: passport.request, deadline: passport.deadline, now: now,
      trace: caller?.child() ?? .root(isSampled: false), client: passport.client)
    let asked = Asked(passport: passport, body: body, isHedge: address.isHedge, context: context)
    let begin = ContinuousClock.now
    let answer: Answer
    if let handler = handlers[passport.endpoint] {
      answer = await TraceContext.$current.withValue(context.trace) { await handler(asked) }
    } else {
      answer = Answer(.unknownEndpoint, status: 404, body: [])
    }
    linger.send(underWay: consumer.underWay) { [self] in send(answer, to: address, ring) }
    let took = ContinuousClock.now - begin
    duration.observe(took)
    answered[answer.kind]?.add(1)
    log.span(
      .answer, passport.endpoint, of: context.trace, took: took,
      ["request": passport.request, "status": answer.status])
  }

  private func send(_ answer: Answer, to address: ReplyAddress, _ ring: KeyRing) {
    let head = ReplyHead(to: address, answer).bytes
    do {
      try producer.send(
        to: producer.topic(MeshTopics.replies), partition: address.partition,
        value: ring.seal(answer.content, context: head), headers: [KafkaHeader(Header.reply, head)])
    } catch {
      // The asker asks again, or gives up at its deadline; what took effect is recorded.
      log.limited().warning("an answer was not sent", ["error": "\(error)"])
    }
  }
}
