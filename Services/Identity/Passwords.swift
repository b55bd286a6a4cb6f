import Contract
import Crypto
import EventLoop
import IdentityAPI
import Telemetry

/// Hashes and verifies passwords beside the event loop, on few threads, since each takes tens of milliseconds of a CPU and
/// the memory of the cost. When too many wait, further ones are refused with 503.
@Loop final class Passwords {
  /// What verifying has found.
  struct Verdict: Sendable {
    let isRight: Bool
    /// The hash to keep from now on, when the one there is outdated.
    let newHash: String?
  }

  private let cost: Password.Cost
  private let pool: BackgroundPool
  private let unknown: String
  private let verified: Counter
  private let hashed: Counter

  /// Begins with `threads` threads; at most `limit` passwords wait for them.
  ///
  /// Throws `PasswordError` when there is not enough memory for a single hash.
  init(cost: Password.Cost, threads: Int, limit: Int = 128, metrics: Metrics) throws(PasswordError) {
    self.cost = cost
    unknown = try Password.hash("nobody has this password", cost: cost)
    pool = BackgroundPool(threads: threads, limit: limit)
    verified = metrics.counter("identity_passwords_verified_total", "Passwords compared with a hash.")
    hashed = metrics.counter("identity_passwords_hashed_total", "Passwords hashed anew.")
  }

  deinit { pool.stop() }

  /// The hash to keep of a password.
  func hash(_ password: NewPassword) async throws -> String {
    hashed.add(1)
    return try await work { [cost] in try Password.hash(password.text, cost: cost) }
  }

  /// Compares a password with a hash. Where there is no hash, since nobody has the address, it takes as long all the same.
  func verify(_ password: String, against hash: String?) async throws -> Verdict {
    verified.add(1)
    return try await work { [cost, unknown] in
      guard Password.verify(password, against: hash ?? unknown), let hash else {
        return Verdict(isRight: false, newHash: nil)
      }
      let newHash = Password.needsRehash(hash, cost: cost) ? try Password.hash(password, cost: cost) : nil
      return Verdict(isRight: true, newHash: newHash)
    }
  }

  private func work<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
    do {
      return try await pool.run(work)
    } catch is BackgroundPool.Full {
      throw Self.busy
    } catch PasswordError.outOfMemory {
      throw Self.busy
    }
  }

  private static let busy = Problem(503, "busy", "Too many people sign in at this moment. Try again in a few seconds.")
}
