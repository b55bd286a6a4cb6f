import Contract
import EventLoop
import Mesh
import MessagingAPI
import Telemetry

/// How messages come into conversations.
extension MessagingService {
  func sendMessages(
    _ requests: [JointRequest<SendMessage>], _ tx: Tx
  ) async throws -> [Result<SendMessage.Reply, any Error>] {
    let store = SendingStore(tx)
    let drafts = try requests.map { asked in
      SendingStore.Draft(
        conversation: asked.request.conversation, sender: try asked.context.member,
        clientID: asked.request.clientMessageId, replyTo: asked.request.replyTo)
    }
    var replies: [Result<SendMessage.Reply, any Error>] = []
    var additions: [SendingStore.Addition] = []
    for (index, place) in try await store.load(drafts).enumerated() {
      let (request, draft) = (requests[index].request, drafts[index])
      do {
        guard let place, place.participants.contains(where: { $0.member == draft.sender }) else {
          throw ConversationRefusal.notFound
        }
        if let seq = place.earlierSeq {
          let earlier = try await sentBefore(at: seq, draft, place, MessageStore(tx))
          replies.append(.success(SendMessage.Reply(earlier, isNew: false)))
        } else {
          let (message, addition) = try TraceContext.$current.withValue(requests[index].context.trace) {
            try send(request, draft, place, tx)
          }
          additions.append(addition)
          replies.append(.success(SendMessage.Reply(message, isNew: true)))
        }
      } catch {
        replies.append(.failure(error))
      }
    }
    store.add(additions)
    return replies
  }

  /// The message that was sent under the same client id.
  private func sentBefore(
    at seq: Int64, _ draft: SendingStore.Draft, _ place: SendingStore.Place, _ store: MessageStore
  ) async throws -> Message {
    let earlier = try await store.at([(draft.conversation, seq)])
    let reactions = try await store.reactions(to: earlier)
    guard let first = earlier.first else { throw ConversationRefusal.notFound }
    let key = try keys.key(of: draft.conversation, place.sealedKey)
    return try open(first, key, reactions: reactions[first.entry.id] ?? [])
  }

  /// Gives a message its place, and tells of it.
  private func send(
    _ request: SendMessage, _ draft: SendingStore.Draft, _ place: SendingStore.Place, _ tx: Tx
  ) throws -> (Message, SendingStore.Addition) {
    guard !place.isBlocked else { throw ConversationRefusal.blocked }
    try Self.check(request, place)
    var place = place
    let entry = Entry(
      id: MessageID(at: tx.now), conversation: draft.conversation, seq: place.lastSeq + 1, sender: draft.sender,
      clientID: draft.clientID, replyTo: draft.replyTo, mentions: request.mentions ?? [],
      // Of two messages the one with the higher place is not the older.
      sentAt: max(tx.now, place.lastActivityAt))
    if let provider = place.provider {
      note(entry, askedOf: provider, &place.clock, tx)
    }
    let content = try keys.key(of: draft.conversation, place.sealedKey).seal(request.body.text, of: entry.id)
    let message = entry.message(body: request.body.text)
    try announce(message, to: place.participants, tx)
    _ = typing.board.stop(TypingBoard.Writer(conversation: draft.conversation, member: draft.sender))
    return (message, SendingStore.Addition(entry: entry, content: content, place: place))
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
    guard let place = try await store.load([.init(conversation: conversation, sender: actor)])[0] else { return }
    let entry = Entry(
      id: MessageID(at: tx.now), conversation: conversation, seq: place.lastSeq + 1, sender: actor, clientID: nil,
      notice: notice, sentAt: max(tx.now, place.lastActivityAt))
    store.add([SendingStore.Addition(entry: entry, content: nil, place: place)])
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
