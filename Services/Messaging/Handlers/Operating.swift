import Contract
import EventLoop
import IdentityAPI
import Mesh
import MessagingAPI
import PresenceAPI
import ProfilesAPI

/// What identity tells of members, and what the operator and other services ask.
extension MessagingService {
  func memberRegistered(_ event: MemberRegistered, _ tx: Tx) async throws {
    try await MemberStore(tx).introduce(event.member, firstName: event.firstName.text, lastName: event.lastName.text)
  }

  func profileChanged(_ event: ProfileChanged, _ tx: Tx) async throws {
    try await MemberStore(tx).name(
      event.member, firstName: event.firstName.text, lastName: event.lastName.text, avatar: event.avatar)
  }

  /// A member comes, goes or stays.
  func presenceTold(_ event: some PresenceEvent, _ tx: Tx) async throws {
    try await PresenceStore(tx).put(event.fact, now: tx.now)
  }

  func quietHoursChanged(_ event: QuietHoursChanged, _ tx: Tx) async throws {
    let hours = event.quietHours.map { (start: $0.start.minutes, end: $0.end.minutes, timezone: $0.timezone) }
    try await ResponseStore(tx).save(hours, of: event.member)
    try await recompute(event.member, tx)
  }

  /// Refuses every service but those that are named.
  static func require(_ services: [String], _ context: Context) throws {
    guard case .service(let name, _) = context.caller, services.contains(name) else {
      throw OperatorRefusal.notAllowed
    }
  }

  // MARK: Master keys

  /// Keys that are sealed anew with one request.
  private static let rewrapBatch = 500

  func rewrapKeys(_ request: RewrapKeys, _ context: Context, _ tx: Tx) async throws -> RewrapKeys.Reply {
    try Self.require(["operator"], context)
    let store = KeyStore(tx)
    let outdated = try await store.load(otherThan: keys.currentID, limit: Self.rewrapBatch)
    for (conversation, sealed) in outdated { store.save(try keys.rewrap(sealed, of: conversation), of: conversation) }
    return RewrapKeys.Reply(
      rewrapped: outdated.count, left: try await store.count(otherThan: keys.currentID))
  }

  // MARK: Export and erasure

  private static let exportBatch = 200
  private static let erasureBatch = 500

  func exportMessages(
    _ request: ExportMessages, _ context: Context, _ store: MessageStore
  ) async throws -> ExportMessages.Reply {
    try Self.require(["operator", "identity"], context)
    let found = try await store.written(by: request.member, after: request.after, limit: Self.exportBatch)
    let messages = try found.map { message, sealedKey in
      try open(message, try keys.key(of: message.entry.conversation, sealedKey))
    }
    return ExportMessages.Reply(
      messages: messages, next: messages.count == Self.exportBatch ? messages.last?.id : nil)
  }

  func eraseMember(_ request: EraseMember, _ context: Context, _ tx: Tx) async throws -> EraseMember.Reply {
    try Self.require(["operator", "identity"], context)
    let erasure = ErasureStore(tx)
    guard try await erasure.eraseMessages(of: request.member, limit: Self.erasureBatch, now: tx.now) == 0 else {
      return EraseMember.Reply(isDone: false)
    }
    for conversation in try await erasure.groups(of: request.member) {
      guard var (roster, _) = try await ConversationStore(tx).load(conversation) else { continue }
      let follower = try roster.remove(request.member, by: request.member)
      try await leave(conversation, roster, request.member, follower: follower, by: request.member, tx)
    }
    try await erasure.stopClocks(of: request.member)
    try await BlockStore(tx).erase(request.member)
    try await PresenceStore(tx).erase(request.member)
    try await MemberStore(tx).erase(request.member)
    return EraseMember.Reply(isDone: true)
  }
}
