import Contract
import EventLoop
import IdentityAPI
import Mesh

/// A suspension ends by itself.
struct SuspensionOver: DurableTimer {
  static let name = "suspension-over"
  let member: MemberID
}

/// The last access token that a revocation was about has expired.
struct RevocationOver: DurableTimer {
  static let name = "revocation-over"
  let key: String
}

/// It is time to see whether signing keys have to be made or dropped.
struct KeysDue: DurableTimer {
  static let name = "keys-due"
}

/// It is time to forget what is too old to matter.
struct TidyingDue: DurableTimer {
  static let name = "tidying-due"
}

/// What identity does by itself, at its time.
extension IdentityService {
  func suspensionOver(_ timer: SuspensionOver, _ tx: Tx) async throws {
    guard var account = try await AccountStore(tx).load(timer.member),
      let event = account.endSuspension(now: tx.now)
    else { return }
    try await letIn(account, event, tx)
  }

  func revocationOver(_ timer: RevocationOver, _ tx: Tx) { tx.withdraw(Revocation.self, key: timer.key) }

  func keysDue(_ timer: KeysDue, _ tx: Tx) async throws {
    try await tokens.rotate(tx)
    try tx.schedule(timer, at: tx.now + options.keyLead / 4, key: "")
  }

  func tidyingDue(_ timer: TidyingDue, _ tx: Tx) async throws {
    // A thousand rows of each at a time, so that no transaction is long.
    let removed = [
      try await SessionStore(tx).removeOld(now: tx.now), try await OneTimeTokenStore(tx).removeOld(now: tx.now),
      try await AttemptStore(tx).removeOld(now: tx.now),
    ]
    let hasMore = removed.contains(1000)
    try tx.schedule(timer, at: tx.now + (hasMore ? .seconds(1) : .seconds(3600)), key: "")
  }
}
