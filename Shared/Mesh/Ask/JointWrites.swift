import Contract
import Crypto
import EventLoop
import Postgres

/// Carries out requests side by side in one transaction, so that many share one commit and travel to the database together.
///
/// What arrives while a transaction is under way waits for the next one; a lone request goes at once. Each keeps its own
/// idempotency record. When the transaction fails, for whatever reason, none of it took effect, and each request is
/// carried out by itself as `Writes` does: so one that is at fault costs the others time, and nothing else.
@Loop final class JointWrites {
  /// Requests in one transaction.
  private static let limit = 32
  /// Transactions under way at once.
  private static let parallel = 2
  private static let timeout = Duration.seconds(5)

  /// One request's place in a transaction.
  @Loop private final class Part {
    let idempotency: Idempotency
    /// The transaction is open.
    let joined = Promise<Tx>()
    /// The work is done, or cannot be done here.
    let done = Promise<Answer>()
    /// All of it is committed.
    let committed = Promise<Void>()

    init(_ idempotency: Idempotency) { self.idempotency = idempotency }
  }

  private let transactor: Transactor
  private let writes: Writes
  private let ring: KeyRing
  private var waiting: [Part] = []
  private var running = 0

  init(_ transactor: Transactor, _ writes: Writes, ring: KeyRing) {
    (self.transactor, self.writes, self.ring) = (transactor, writes, ring)
  }

  /// Answers a request: with what it was answered before, or by doing `work` in a transaction with others. A refusal undoes
  /// nothing: it has to come before `work` changes anything.
  func answer(_ asked: Asked, _ work: Writes.Work) async -> Answer {
    let part = Part(Idempotency(asked, ring: ring))
    waiting.append(part)
    begin()
    do {
      let tx = try await part.joined.value
      let answer: Answer
      do {
        answer = try await work(tx)
      } catch {
        guard let no = Self.no(error) else { throw error }
        answer = no
      }
      part.done.fulfil(answer)
      try await part.committed.value
      return answer
    } catch {
      part.done.fail(error)
      return await writes.answer(asked, work)
    }
  }

  private static func no(_ error: any Error) -> Answer? {
    if let committed = error as? CommittedRefusal { return Answer(Problem(committed.refusal)) }
    return Answer.no(error)
  }

  /// Opens a transaction for those who wait, unless as many as may be are under way.
  private func begin() {
    guard running < Self.parallel, !waiting.isEmpty else { return }
    let parts = Array(waiting.prefix(Self.limit))
    waiting.removeFirst(parts.count)
    running += 1
    Loop.task { [self] in
      await carryOut(parts)
      running -= 1
      begin()
    }
  }

  private func carryOut(_ parts: [Part]) async {
    do {
      try await transactor.run(now: .now, timeout: Self.timeout) { transaction, tx in
        // The claims travel with the first statement of the work, and the records with the commit.
        transaction.send(Idempotency.claim(parts.map(\.idempotency)))
        for part in parts { part.joined.fulfil(tx) }
        // All of them have to be through with the transaction before it ends, however it ends.
        var failure: (any Error)?
        var answers: [(Idempotency, Answer)] = []
        for part in parts {
          do { answers.append((part.idempotency, try await part.done.value)) } catch { failure = failure ?? error }
        }
        if let failure { throw failure }
        transaction.send(Idempotency.record(answers))
      }
      for part in parts { part.committed.fulfil(()) }
    } catch {
      for part in parts {
        part.joined.fail(error)
        part.committed.fail(error)
      }
    }
  }
}
