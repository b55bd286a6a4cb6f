import Contract
import Crypto
import EventLoop
import Postgres

/// Carries out requests to one endpoint many at a time in one transaction, so that they share its statements and its
/// commit.
///
/// What arrives while a transaction is under way waits for the next one; a lone request goes at once. One transaction at a
/// time has been measured to be faster than two, for the many as for each: they are fuller, and do not get in one another's
/// way. Only when one takes unusually long, as it may wait for a lock, others set out meanwhile.
///
/// Each request keeps its own idempotency record. When a transaction fails, for whatever reason, none of it took effect,
/// and each of its requests is carried out by itself as `Writes` does: so one that is at fault costs the others time, and
/// nothing else.
@Loop final class JointWrites<Request: Sendable> {
  /// What the endpoint's own code does for some requests: an answer or a refusal for each, in their order.
  typealias Work = @Loop ([JointRequest<Request>], Tx) async throws -> [Result<Answer, any Error>]

  @Loop private final class Part {
    let request: JointRequest<Request>
    let idempotency: Idempotency
    /// Its transaction is committed, or will never be.
    let answer = Promise<Answer>()

    init(_ request: JointRequest<Request>, _ idempotency: Idempotency) {
      (self.request, self.idempotency) = (request, idempotency)
    }
  }

  private let transactor: Transactor
  private let writes: Writes
  private let ring: KeyRing
  private let work: Work
  private var waiting: [Part] = []
  private var running = 0
  /// Until when the transaction that was opened last may be expected to end.
  private var patience: LoopTimer?

  init(_ transactor: Transactor, _ writes: Writes, ring: KeyRing, work: @escaping Work) {
    (self.transactor, self.writes, self.ring, self.work) = (transactor, writes, ring, work)
  }

  /// Answers a request: with what it was answered before, or by doing the work for it in a transaction with others.
  func answer(_ asked: Asked, _ request: Request) async -> Answer {
    let request = JointRequest(request: request, context: asked.context)
    let part = Part(request, Idempotency(asked, ring: ring))
    waiting.append(part)
    begin()
    do {
      return try await part.answer.value
    } catch {
      return await writes.answer(asked) { [work] tx in try await work([request], tx)[0].get() }
    }
  }

  /// Opens a transaction for those who wait, unless one that is under way may be expected to end soon.
  private func begin() {
    guard !waiting.isEmpty, running < JointLimits.transactions else { return }
    guard running == 0 || patience?.isArmed != true else { return }
    let parts = Array(waiting.prefix(JointLimits.requests))
    waiting.removeFirst(parts.count)
    running += 1
    let latest = Loop.schedule(after: JointLimits.patience) { [weak self] in self?.begin() }
    patience?.cancel()
    patience = latest
    Loop.task { [self] in
      await carryOut(parts)
      running -= 1
      latest.cancel()
      begin()
    }
  }

  private func carryOut(_ parts: [Part]) async {
    do {
      let answers = try await transactor.run(now: .now, timeout: JointLimits.timeout) { transaction, tx in
        // The claims travel with the first statement of the work, and the records with the commit.
        transaction.send(Idempotency.claim(parts.map(\.idempotency)))
        let answers = try await work(parts.map(\.request), tx).map { try Self.answer($0) }
        precondition(answers.count == parts.count, "each request gets an answer")
        transaction.send(Idempotency.record(Array(zip(parts.map(\.idempotency), answers))))
        return answers
      }
      for (part, answer) in zip(parts, answers) { part.answer.fulfil(answer) }
    } catch {
      for part in parts { part.answer.fail(error) }
    }
  }

  /// A refusal is an answer; anything else that was thrown fails the transaction.
  private static func answer(_ outcome: Result<Answer, any Error>) throws -> Answer {
    do {
      return try outcome.get()
    } catch {
      guard let no = Answer.no(error) else { throw error }
      return no
    }
  }
}

/// One of some requests that are carried out together.
public struct JointRequest<Request: Sendable>: Sendable {
  /// What is asked for.
  public let request: Request
  /// Who asks, and when.
  public let context: Context
}

/// Bounds of requests that are carried out together.
private enum JointLimits {
  /// Requests in one transaction.
  static let requests = 32
  /// Transactions of one endpoint under way at once, and how long each is waited for before the next one is opened.
  static let transactions = 4
  static let patience = Duration.milliseconds(20)
  static let timeout = Duration.seconds(5)
}
