import Contract
import Crypto
import EventLoop
import Postgres
import Telemetry

/// Carries out requests that change something, each in one transaction: idempotency record, domain change, events, timers.
@Loop final class Writes {
  /// What the endpoint's own code does within the transaction.
  typealias Work = @Loop (Tx) async throws -> Answer

  private static let attempts = 5

  private let transactor: Transactor
  private let ring: KeyRing
  private let log: Log

  init(_ transactor: Transactor, ring: KeyRing, log: Log) {
    (self.transactor, self.ring, self.log) = (transactor, ring, log)
  }

  /// Answers a request: with what it was answered before, or by doing `work` in a transaction.
  ///
  /// Passing troubles of the database are overcome by doing it again from the beginning, also when it is unknown whether a
  /// commit took effect: the record tells.
  func answer(_ asked: Asked, _ work: Work) async -> Answer {
    let idempotency = Idempotency(asked, ring: ring)
    var attempt = 0
    var pause = Duration.milliseconds(5)
    while true {
      // Nobody waits any more.
      guard asked.passport.deadline > Timestamp.now else { return .failure }
      do {
        switch try await self.attempt(asked, idempotency, work) {
        case .done(let answer): return answer
        case .otherBody: return Answer(Idempotency.otherBody)
        case .open(sameRequestRuns: false) where idempotency.isKeyFromClient: return Answer(Idempotency.inProgress)
        case .open: break
        }
      } catch let error as PostgresError where error.passes || Idempotency.isDuplicate(error) {
        attempt += 1
        if attempt == Self.attempts {
          log.limited().warning(
            "a request was given up", ["endpoint": asked.passport.endpoint, "error": "\(error)"])
          return .failure
        }
      } catch {
        log.error("a request failed", ["endpoint": asked.passport.endpoint, "error": "\(error)"])
        return .bug
      }
      try? await Loop.sleep(for: pause)
      pause = min(pause * 2, .milliseconds(200))
    }
  }

  /// What a request was answered before; nil when it was not yet. Throws `PostgresError`.
  func recall(_ asked: Asked) async throws -> Answer? {
    let idempotency = Idempotency(asked, ring: ring)
    return switch try await idempotency.finding(in: transactor.database.query(idempotency.recall)) {
    case .done(let answer): answer
    case .otherBody: Answer(Idempotency.otherBody)
    case .open: nil
    }
  }

  /// The domain's no. It undoes the work and is recorded afterwards.
  private struct No: Error {
    let answer: Answer
  }

  /// Nobody waits for the claim by itself: it travels with the work's first statement, and where the work waits for none,
  /// with the commit. So the work may have begun when the claim fails, but none of its statements has.
  private func attempt(_ asked: Asked, _ idempotency: Idempotency, _ work: Work) async throws -> Idempotency.Finding {
    let timeout = asked.passport.deadline - Timestamp.now
    var claim: Result<Rows, PostgresError>?
    do {
      return try await transactor.run(now: asked.context.now, timeout: timeout) { transaction, tx in
        transaction.send(Idempotency.claim([idempotency])) { claim = $0 }
        let answer: Answer
        do {
          answer = try await work(tx)
        } catch let committed as CommittedRefusal {
          answer = Answer(Problem(committed.refusal))
        } catch {
          guard let no = Answer.no(error) else { throw error }
          // One that needed no statement came before the claim was answered.
          if claim == nil { try await transaction.query("select") }
          throw No(answer: no)
        }
        transaction.send(Idempotency.record([(idempotency, answer)]))
        return .done(answer)
      }
    } catch {
      if case .failure(let reason) = claim, !reason.isConsequence {
        // Whatever the work made of it, this is why it failed.
        guard Idempotency.isClaimed(reason) else { throw reason }
        return try await idempotency.finding(in: transactor.database.query(idempotency.recall))
      }
      guard let no = error as? No else { throw error }
      try await transactor.database.query(Idempotency.record([(idempotency, no.answer)]))
      return .done(no.answer)
    }
  }
}
