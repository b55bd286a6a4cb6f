import Contract
import Crypto
import EventLoop
import IdentityAPI
import Mesh
import Telemetry

/// Signs access tokens, with keys that all replicas share through the database and that change by a schedule.
///
/// Each replica knows the keys from a look at the table every now and then. A key is there long before it signs, so a
/// replica that has not looked yet signs with the one before, which everybody still accepts.
@Loop final class AccessTokens {
  private struct Key {
    let entry: KeySchedule.Entry
    let signer: TokenSigner
    let published: PublicKeys.Key
  }

  private let schedule: KeySchedule
  private let ring: KeyRing
  private let log: Log
  private var keys: [Key] = []

  /// Signs by `schedule`, with keys that are stored sealed by `ring`.
  init(_ schedule: KeySchedule, ring: KeyRing, log: Log) {
    (self.schedule, self.ring, self.log) = (schedule, ring, log)
  }

  /// A token for a sign-in that holds from now on.
  func mint(member: MemberID, session: AuthSessionID, role: Role, now: Timestamp) throws -> String {
    let signing = schedule.signing(keys.map(\.entry), now: now)
    guard let key = keys.first(where: { $0.entry == signing }) else { throw NoKey() }
    return try key.signer.mint(AccessClaims(member: member, session: session, role: role, now: now))
  }

  /// No key signs: the table was emptied, or the clock was set back to before the first key.
  struct NoKey: Error, CustomStringConvertible {
    let description = "no key signs access tokens at this time; look at the table signing_keys and at the clock"
  }

  /// The public halves of all keys.
  var publicKeys: [PublicKeys.Key] { keys.map(\.published) }

  /// Looks at the table.
  func reload(from store: SigningKeyStore) async throws {
    keys = try await store.all().map { record in
      let seed = try ring.open(record.sealedSeed, context: Self.context(of: record.entry.id))
      guard let seed = SymmetricKey(seed) else { throw SealError.notSealed }
      let key = SigningKey(seed: seed)
      return Key(entry: record.entry, signer: TokenSigner(key), published: PublicKeys.Key(key.verifyingKey))
    }
  }

  /// Looks at the table from time to time, for as long as the process lives.
  func keepReloading(from store: SigningKeyStore) {
    Loop.task { [self] in
      while true {
        try? await Loop.sleep(for: min(schedule.lead / 4, .seconds(30)))
        do { try await reload(from: store) } catch {
          log.limited().warning("the signing keys were not looked at", ["error": "\(error)"])
        }
      }
    }
  }

  /// Makes and drops keys as the schedule says. Replicas take turns; whoever comes second finds nothing to do.
  func rotate(_ tx: Tx) async throws {
    let store = SigningKeyStore(tx)
    for step in schedule.steps(try await store.lockAll().map(\.entry), now: tx.now) {
      switch step {
      case .make(let signsFrom):
        let seed = SymmetricKey()
        let key = PublicKeys.Key(SigningKey(seed: seed).verifyingKey)
        let sealed = seed.withBytes { ring.seal($0, context: Self.context(of: key.kid)) }
        let entry = KeySchedule.Entry(id: key.kid, signsFrom: signsFrom)
        try await store.add(SigningKeyStore.Record(entry: entry, sealedSeed: sealed))
        try tx.share(PublishedKey(key), key: key.kid)
        log.info("a signing key was made", ["kid": key.kid, "signs from": signsFrom])
      case .drop(let id):
        try await store.remove(id)
        tx.withdraw(PublishedKey.self, key: id)
        log.info("a signing key was dropped", ["kid": id])
      }
    }
  }

  private static func context(of id: String) -> [UInt8] { Array("signing key \(id)".utf8) }
}

extension PublicKeys.Key {
  /// The public form of a key.
  init(_ key: VerifyingKey) { self.init(kid: key.thumbprint, x: Base64URL.encode(key.bytes)) }
}
