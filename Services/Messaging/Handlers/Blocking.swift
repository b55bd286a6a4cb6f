import Contract
import EventLoop
import Mesh
import MessagingAPI

/// How members keep others away from them.
extension MessagingService {
  /// Whom one member can block.
  private static let blockLimit = 10_000

  func block(_ request: Block, _ context: Context, _ tx: Tx) async throws -> Nothing {
    let member = try context.member
    let store = BlockStore(tx)
    guard request.user != member else { throw BlockRefusal.yourself }
    guard try await MemberStore(tx).known([request.user])[request.user] != nil else { throw BlockRefusal.notFound }
    guard try await store.count(by: member) < Self.blockLimit else { throw BlockRefusal.tooMany }
    guard try await store.add(request.user, by: member, now: tx.now) else { return Nothing() }
    try await ResponseStore(tx).stopClock(between: member, and: request.user)
    try await recheckChannel(between: member, and: request.user, tx)
    try tx.emit(MemberBlocked(member: member, blocked: request.user))
    return Nothing()
  }

  func unblock(_ request: Unblock, _ context: Context, _ tx: Tx) async throws -> Nothing {
    let member = try context.member
    guard try await BlockStore(tx).remove(request.user, by: member) else { return Nothing() }
    try await recheckChannel(between: member, and: request.user, tx)
    try tx.emit(MemberUnblocked(member: member, blocked: request.user))
    return Nothing()
  }

  func blocks(_ request: Blocks, _ context: Context, _ store: BlockStore) async throws -> Blocks.Reply {
    let cursor = try request.cursor.map { text throws(Problem) in try PageCursor(text) }
    let size = request.limit ?? .usual
    let page = try await store.page(by: context.member, after: cursor, limit: size.number + 1)
    let shown = Array(page.prefix(size.number))
    let next = page.count > shown.count ? shown.last : nil
    return Blocks.Reply(
      items: shown, nextCursor: next.map { PageCursor(time: $0.blockedAt, id: $0.userId.value).text })
  }

  /// The two see each other in their conversation's channel, or do so no more.
  private func recheckChannel(between one: MemberID, and other: MemberID, _ tx: Tx) async throws {
    guard let conversation = try await ConversationStore(tx).find(between: one, and: other) else { return }
    tx.recheck(ConversationChannel.pattern.channel(conversation))
  }
}
