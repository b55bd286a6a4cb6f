import Contract
import EventLoop
import Mesh
import MessagingAPI

/// How messages are changed after they were sent.
extension MessagingService {
  func editMessage(_ request: EditMessage, _ context: Context, _ tx: Tx) async throws -> Message {
    let member = try context.member
    let store = MessageStore(tx)
    let subject = try await lock(request.message, for: member, tx)
    var entry = subject.message.entry
    try entry.mayEdit(member, edits: await store.editCount(of: entry.id))
    guard !subject.isBlocked else { throw MessageRefusal.blocked }
    if let mentions = request.mentions {
      let present = try await store.participating(mentions, in: entry.conversation)
      try refuse(mentionProblems(mentions, among: present))
    }
    let newMentions = entry.edit(mentions: request.mentions, now: tx.now)
    let key = try keys.key(of: entry.conversation, subject.sealedKey)
    try await store.save(
      entry, content: key.seal(request.body.text, of: entry.id), before: subject.message.content)
    // The index may have come to it at this moment, with what it said before.
    try await SearchStore(tx).add(words(in: [(entry, request.body.text)], key))
    let message = entry.message(
      body: request.body.text,
      reactions: try await store.reactions(to: [.init(entry: entry, content: nil)])[entry.id] ?? [])
    try tx.push(Pushed.MessageEdited(message), to: ConversationChannel.pattern.channel(entry.conversation))
    try tx.emit(
      MessageEdited(
        conversation: entry.conversation, message: entry.id, seq: entry.seq, sender: member,
        newMentions: newMentions.filter { $0 != member }))
    return message
  }

  func deleteMessage(_ request: DeleteMessage, _ context: Context, _ tx: Tx) async throws -> Nothing {
    let member = try context.member
    let subject = try await lock(request.message, for: member, tx)
    var entry = subject.message.entry
    let isManager = subject.kind == .group && subject.participation.role != .member
    guard try entry.delete(by: member, isManager: isManager, now: tx.now) else { return Nothing() }
    let store = MessageStore(tx)
    try await store.save(entry, content: nil, before: nil)
    try await store.removeTraces(of: entry.id)
    try await questionDeleted(entry, tx)
    try tx.push(
      Pushed.MessageDeleted(
        conversationId: entry.conversation, id: entry.id, seq: entry.seq, version: entry.version, deletedAt: tx.now),
      to: ConversationChannel.pattern.channel(entry.conversation))
    try tx.emit(
      MessageDeleted(conversation: entry.conversation, message: entry.id, seq: entry.seq, by: member))
    return Nothing()
  }

  func addReaction(_ request: AddReaction, _ context: Context, _ tx: Tx) async throws -> Message {
    let member = try context.member
    return try await react(to: request.message, by: member, tx) { store in
      let (isNew, others) = try await store.react(
        to: request.message, with: request.emoji, by: member, now: tx.now)
      guard others < Self.reactionLimit else { throw MessageRefusal.tooManyReactions }
      return isNew
    }
  }

  func removeReaction(_ request: RemoveReaction, _ context: Context, _ tx: Tx) async throws -> Message {
    let member = try context.member
    return try await react(to: request.message, by: member, tx) { store in
      try await store.unreact(to: request.message, with: request.emoji, by: member)
    }
  }

  /// Different emoji of one message.
  private static let reactionLimit = 20

  /// Changes the reactions to a message; `change` says whether it changed any.
  private func react(
    to message: MessageID, by member: MemberID, _ tx: Tx, _ change: @Loop (MessageStore) async throws -> Bool
  ) async throws -> Message {
    let store = MessageStore(tx)
    let subject = try await lock(message, for: member, tx)
    guard !subject.isBlocked else { throw MessageRefusal.blocked }
    var entry = subject.message.entry
    try entry.react()
    let hasChanged = try await change(store)
    if hasChanged { try await store.save(entry, content: subject.message.content, before: nil) }
    let current = MessageStore.Sealed(
      entry: hasChanged ? entry : subject.message.entry, content: subject.message.content)
    let key = try keys.key(of: entry.conversation, subject.sealedKey)
    let shown = try open(current, key, reactions: try await store.reactions(to: [current])[message] ?? [])
    if hasChanged {
      try tx.push(Pushed.MessageEdited(shown), to: ConversationChannel.pattern.channel(entry.conversation))
    }
    return shown
  }

  /// A message that `member` can see, with its conversation locked until the transaction ends.
  private func lock(_ message: MessageID, for member: MemberID, _ tx: Tx) async throws -> MessageStore.Subject {
    SendingStore(tx).lockConversation(of: message)
    guard let subject = try await MessageStore(tx).find(message, for: member) else { throw MessageRefusal.notFound }
    return subject
  }
}
