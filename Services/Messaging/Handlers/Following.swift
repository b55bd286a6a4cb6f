import Contract
import EventLoop
import Mesh
import MessagingAPI

/// How far participants have come, who of them is writing, and who may hear of all that.
extension MessagingService {
  func noteReceipts(_ request: NoteReceipts, _ context: Context, _ tx: Tx) async throws -> NoteReceipts.Reply {
    let member = try context.member
    let noted = try await SendingStore(tx).note(
      delivered: request.deliveredSeq?.number, read: request.readSeq?.number, by: member, in: request.conversation)
    guard let (before, own, lastSeq) = noted else { throw ConversationRefusal.notFound }
    let unread = own.unread(of: lastSeq)
    if own != before {
      try tx.push(
        Pushed.ReceiptUpdated(
          conversationId: request.conversation, userId: member, deliveredSeq: own.deliveredSeq, readSeq: own.readSeq),
        to: ConversationChannel.pattern.channel(request.conversation))
    }
    if own.readSeq != before.readSeq {
      try tx.push(
        Pushed.ConversationUpdated(
          conversationId: request.conversation, lastSeq: lastSeq, unread: unread, muted: own.isMuted),
        to: .user(member))
      try tx.emit(ConversationRead(conversation: request.conversation, member: member, seq: own.readSeq))
    }
    return NoteReceipts.Reply(deliveredSeq: own.deliveredSeq, readSeq: own.readSeq, unread: unread)
  }

  func noteTyping(_ request: NoteTyping, _ context: Context) async throws -> Nothing {
    let member = try context.member
    guard let standing = try await ConversationStore(mesh.database).standing(of: member, in: request.conversation)
    else { throw ConversationRefusal.notFound }
    guard !standing.isBlocked, !standing.isHidden else { return Nothing() }
    let writer = TypingBoard.Writer(conversation: request.conversation, member: member)
    if request.typing ?? true {
      if typing.board.note(writer, now: context.now) { try announce(writer, isTyping: true) }
    } else if typing.board.stop(writer) {
      try announce(writer, isTyping: false)
    }
    return Nothing()
  }

  /// Ends what was not told again. Often enough that nobody notices the difference.
  func endTyping() throws {
    for writer in typing.board.expire(now: .now) { try announce(writer, isTyping: false) }
  }

  private func announce(_ writer: TypingBoard.Writer, isTyping: Bool) throws {
    let channel = ConversationChannel.pattern.channel(writer.conversation)
    let (conversation, member) = (writer.conversation, writer.member)
    if isTyping {
      try mesh.push(Pushed.TypingStarted(conversationId: conversation, userId: member), to: channel)
    } else {
      try mesh.push(Pushed.TypingStopped(conversationId: conversation, userId: member), to: channel)
    }
  }

  func conversationChannel(
    _ request: ConversationChannel, _ context: Context, _ store: ConversationStore
  ) async throws -> ChannelGrant {
    guard let standing = try await store.standing(of: context.member, in: request.conversation) else {
      throw ConversationRefusal.notFound
    }
    // Those who have blocked one another do not see that the other is there. Who hides is left out by the gateways.
    let isListed = !standing.isBlocked
    return ChannelGrant(
      listing: isListed ? ChannelGrant.Listing(name: standing.name, avatar: standing.avatar) : nil)
  }
}

/// Who is writing, as far as this replica was told.
@Loop final class Typing {
  var board = TypingBoard()
}
