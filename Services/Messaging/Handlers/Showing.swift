import Contract
import EventLoop
import Mesh
import MessagingAPI

/// What members see of their conversations.
extension MessagingService {
  func conversations(
    _ request: Conversations, _ context: Context, _ stores: Stores
  ) async throws -> Conversations.Reply {
    let member = try context.member
    let cursor = try request.cursor.map { text throws(Problem) in try PageCursor(text) }
    let size = request.limit ?? .usual
    let page = try await stores.conversations.page(
      of: member, archived: request.archived ?? false, after: cursor, limit: size.number + 1)
    let shown = page.prefix(size.number)
    let items = try await view(shown.map(\.record), for: member, stores, now: context.now)
    let next = page.count > shown.count ? shown.last : nil
    return Conversations.Reply(
      items: items,
      nextCursor: next.map { record, isPinned in
        PageCursor(isPinned: isPinned, time: record.lastActivityAt, id: record.id.value).text
      })
  }

  /// A conversation as a participant sees it. Throws `notFound` for anybody else.
  func conversation(
    _ id: ConversationID, for member: MemberID, _ stores: Stores, now: Timestamp
  ) async throws -> Conversation {
    guard let record = try await stores.conversations.find(id),
      let conversation = try await view([record], for: member, stores, now: now).first
    else { throw ConversationRefusal.notFound }
    return conversation
  }

  /// Conversations as a participant sees them; without those in which the member takes no part.
  private func view(
    _ records: [ConversationStore.Record], for member: MemberID, _ stores: Stores, now: Timestamp
  ) async throws -> [Conversation] {
    guard !records.isEmpty else { return [] }
    let named = try await stores.conversations.participants(of: records.map(\.id))
    let others = Array(Set(named.map(\.participation.member)).subtracting([member]))
    // Who has blocked somebody, or is blocked, is not seen by them.
    let blocked = try await stores.blocks.between(member, and: others)
    let presences = try await stores.presences.find(others.filter { !blocked.contains($0) }, now: now)
    let participants = Dictionary(grouping: named) { $0.conversation }
    let newest = records.filter { $0.lastSeq > 0 }.map { (conversation: $0.id, seq: $0.lastSeq) }
    let last = try await stores.messages.at(newest)
    let reactions = try await stores.messages.reactions(to: last)
    let lastByConversation = Dictionary(last.map { ($0.entry.conversation, $0) }) { first, _ in first }
    return try records.compactMap { record in
      let named = participants[record.id] ?? []
      guard let own = named.first(where: { $0.participation.member == member })?.participation else { return nil }
      let last = lastByConversation[record.id].flatMap { $0.entry.seq > own.joinedSeq ? $0 : nil }
      let key = try keys.key(of: record.id, record.sealedKey)
      let label = try self.label(of: record, key)
      return Conversation(
        id: record.id, kind: record.kind, title: label.title, metadata: label.metadata,
        participants: named.map { Self.participant($0, presences[$0.participation.member]) },
        lastSeq: record.lastSeq,
        lastMessage: try last.map { try open($0, key, reactions: reactions[$0.entry.id] ?? []) },
        unread: own.unread(of: record.lastSeq), archived: own.isArchived, muted: own.isMuted, pinned: own.isPinned,
        createdAt: record.openedAt, lastActivityAt: record.lastActivityAt)
    }
  }

  private static func participant(
    _ named: ConversationStore.NamedParticipation, _ presence: Conversation.Presence?
  ) -> Conversation.Participant {
    let participation = named.participation
    return Conversation.Participant(
      id: participation.member, firstName: named.firstName, lastName: named.lastName, avatarUrl: named.avatar,
      role: participation.role, joinedAt: participation.joinedAt, deliveredSeq: participation.deliveredSeq,
      readSeq: participation.readSeq, presence: presence)
  }

  func messages(
    _ request: Messages, _ context: Context, _ store: ConversationStore, _ messages: MessageStore
  ) async throws -> Messages.Reply {
    guard let found = try await store.membership(of: context.member, in: request.conversation) else {
      throw ConversationRefusal.notFound
    }
    let joined = found.participation.joinedSeq
    let page = try await messages.between(
      max(joined, request.afterSeq?.number ?? 0), request.beforeSeq?.number ?? .max, of: request.conversation,
      lowest: request.afterSeq != nil, limit: (request.limit ?? .usual).number)
    let reactions = try await messages.reactions(to: page)
    let key = try keys.key(of: request.conversation, found.sealedKey)
    return Messages.Reply(
      items: try page.map { try open($0, key, reactions: reactions[$0.entry.id] ?? []) }, lastSeq: found.lastSeq)
  }

  func messageEdits(
    _ request: MessageEdits, _ context: Context, _ store: MessageStore
  ) async throws -> MessageEdits.Reply {
    guard let subject = try await store.find(request.message, for: context.member) else {
      throw MessageRefusal.notFound
    }
    let key = try keys.key(of: subject.message.entry.conversation, subject.sealedKey)
    return MessageEdits.Reply(
      items: try await store.edits(of: request.message).map { content, replacedAt in
        MessageEdits.Edit(body: try key.open(content, of: request.message), replacedAt: replacedAt)
      })
  }

  /// What a conversation is called and what is kept with it. Throws `SealError`.
  func label(of record: ConversationStore.Record, _ key: ConversationKey) throws -> Label {
    var label = try record.sealedLabel.map { try key.open($0, of: record.id) } ?? Label()
    label.take(title: record.plainTitle, metadata: record.plainMetadata)
    return label
  }

  /// Seals what replicas of an earlier version have stored unsealed, some of it; returns how much.
  func sealLabels(limit: Int, _ tx: Tx) async throws -> Int {
    let store = ConversationStore(tx)
    let records = try await store.unsealed(limit: limit)
    for record in records {
      let key = try keys.key(of: record.id, record.sealedKey)
      try await store.save(label: key.seal(try label(of: record, key), of: record.id), of: record.id)
    }
    return records.count
  }

  /// A message with what it says. Throws `SealError`.
  func open(
    _ message: MessageStore.Sealed, _ key: ConversationKey, reactions: [Message.Reaction] = []
  ) throws -> Message {
    message.entry.message(
      body: try message.content.map { content in try key.open(content, of: message.entry.id) }, reactions: reactions)
  }
}
