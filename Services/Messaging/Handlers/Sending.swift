import Contract
import EventLoop
import Mesh
import MessagingAPI

/// How messages come into conversations.
extension MessagingService {
  func sendMessage(_ request: SendMessage, _ context: Context, _ tx: Tx) async throws -> SendMessage.Reply {
    let sender = try context.member
    let conversation = request.conversation
    let store = SendingStore(tx)
    guard
      var place = try await store.load(
        conversation, sender: sender, clientID: request.clientMessageId, replyTo: request.replyTo),
      place.participants.contains(where: { $0.member == sender })
    else { throw ConversationRefusal.notFound }
    let key = try keys.key(of: conversation, place.sealedKey)
    if let seq = place.earlierSeq {
      let messages = MessageStore(tx)
      let earlier = try await messages.at([(conversation, seq)])
      let reactions = try await messages.reactions(to: earlier)
      guard let first = earlier.first else { throw ConversationRefusal.notFound }
      return SendMessage.Reply(try open(first, key, reactions: reactions[first.entry.id] ?? []), isNew: false)
    }
    guard !place.isBlocked else { throw ConversationRefusal.blocked }
    try Self.check(request, place)
    let entry = Entry(
      id: MessageID(at: tx.now), conversation: conversation, seq: place.lastSeq + 1, sender: sender,
      clientID: request.clientMessageId, replyTo: request.replyTo, mentions: request.mentions ?? [],
      // Of two messages the one with the higher place is not the older.
      sentAt: max(tx.now, place.lastActivityAt))
    if let provider = place.provider {
      note(entry, askedOf: provider, &place.clock, tx)
    }
    store.add(entry, content: key.seal(request.body.text, of: entry.id), to: place)
    let message = entry.message(body: request.body.text)
    try announce(message, to: place.participants, tx)
    _ = typing.board.stop(TypingBoard.Writer(conversation: conversation, member: sender))
    return SendMessage.Reply(message, isNew: true)
  }

  /// Refuses what refers to things that are not there, field by field.
  private static func check(_ request: SendMessage, _ place: SendingStore.Place) throws(Problem) {
    var fields: [Problem.Field] = []
    if request.replyTo != nil, !place.isAnswerable {
      fields.append(
        Problem.Field(pointer: "/replyTo", code: "unknown", detail: "must be a message of this conversation"))
    }
    for index in (request.fileIds ?? []).indices {
      fields.append(
        Problem.Field(pointer: "/fileIds/\(index)", code: "unknown", detail: "must be a file that you uploaded"))
    }
    let present = Set(place.participants.map(\.member))
    fields += mentionProblems(request.mentions ?? [], among: present)
    try refuse(fields)
  }

  /// Adds a message in which a conversation tells of itself.
  func addNotice(_ notice: Notice, by actor: MemberID, to conversation: ConversationID, _ tx: Tx) async throws {
    let store = SendingStore(tx)
    guard let place = try await store.load(conversation, sender: actor, clientID: nil, replyTo: nil) else { return }
    let entry = Entry(
      id: MessageID(at: tx.now), conversation: conversation, seq: place.lastSeq + 1, sender: actor, clientID: nil,
      notice: notice, sentAt: max(tx.now, place.lastActivityAt))
    store.add(entry, content: nil, to: place)
    try announce(entry.message(body: nil), to: place.participants, tx)
  }

  /// Tells everybody who has to know of a new message.
  private func announce(_ message: Message, to participants: [SendingStore.Recipient], _ tx: Tx) throws {
    let conversation = message.conversationId
    try tx.push(Pushed.MessageSent(message), to: ConversationChannel.pattern.channel(conversation))
    let others = participants.filter { $0.member != message.senderId }
    for other in others {
      try tx.push(
        Pushed.ConversationUpdated(
          conversationId: conversation, lastSeq: message.seq, unread: max(0, message.seq - other.readSeq),
          muted: other.isMuted), to: .user(other.member))
    }
    guard message.kind == .text else { return }
    try tx.emit(
      MessageSent(
        conversation: conversation, message: message.id, seq: message.seq, sender: message.senderId,
        recipients: others.filter { !$0.isMuted }.map(\.member),
        mentions: message.mentions.filter { $0 != message.senderId }))
  }
}
