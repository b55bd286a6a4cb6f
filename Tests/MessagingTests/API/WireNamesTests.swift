import Contract
import MessagingAPI
import ServiceKit
import Testing

/// What clients and other services rely on: a line here is never changed, only added.
@Suite struct WireNamesTests {
  @Test func `endpoints keep their names, places and fields`() throws {
    let lines = [
      try line(OpenConversation.self), try line(Conversations.self), try line(ShowConversation.self),
      try line(ChangeConversation.self), try line(ChangeMembership.self), try line(AddParticipants.self),
      try line(RemoveParticipant.self), try line(ChangeParticipant.self), try line(SendMessage.self),
      try line(Messages.self), try line(EditMessage.self), try line(DeleteMessage.self), try line(MessageEdits.self),
      try line(AddReaction.self), try line(RemoveReaction.self), try line(NoteReceipts.self),
      try line(UnreadTotals.self), try line(NoteTyping.self), try line(ConversationChannel.self),
      try line(SearchMessages.self), try line(ResponseMetrics.self), try line(HideResponseMetrics.self),
      try line(Block.self), try line(Unblock.self), try line(Blocks.self), try line(AppointProvider.self),
      try line(RecomputeMetrics.self), try line(RewrapKeys.self), try line(ExportMessages.self),
      try line(EraseMember.self), try line(ImportMessages.self),
    ]
    #expect(
      lines == [
        "messaging.open-conversation | POST /api/v1/conversations member costly | kind participantIds title? metadata? | 201",
        "messaging.conversations | GET /api/v1/conversations member standard | archived? limit? cursor? | 200",
        "messaging.conversation | GET /api/v1/conversations/{conversation} member standard | conversation | 200",
        "messaging.change-conversation | PATCH /api/v1/conversations/{conversation} member standard | conversation title? metadata? | 200",
        "messaging.change-membership | PATCH /api/v1/conversations/{conversation}/membership member standard | conversation archived? muted? pinned? | 200",
        "messaging.add-participants | POST /api/v1/conversations/{conversation}/participants member costly | conversation participantIds | 201",
        "messaging.remove-participant | DELETE /api/v1/conversations/{conversation}/participants/{user} member standard | conversation user | 204",
        "messaging.change-participant | PATCH /api/v1/conversations/{conversation}/participants/{user} member standard | conversation user role | 200",
        "messaging.send-message | POST /api/v1/conversations/{conversation}/messages member costly | conversation clientMessageId body replyTo? fileIds? mentions? | 201",
        "messaging.messages | GET /api/v1/conversations/{conversation}/messages member standard | conversation afterSeq? beforeSeq? limit? | 200",
        "messaging.edit-message | PATCH /api/v1/messages/{message} member costly | message body mentions? | 200",
        "messaging.delete-message | DELETE /api/v1/messages/{message} member standard | message | 204",
        "messaging.message-edits | GET /api/v1/messages/{message}/edits member standard | message | 200",
        "messaging.add-reaction | PUT /api/v1/messages/{message}/reactions/{emoji} member standard | message emoji | 200",
        "messaging.remove-reaction | DELETE /api/v1/messages/{message}/reactions/{emoji} member standard | message emoji | 200",
        "messaging.note-receipts | POST /api/v1/conversations/{conversation}/receipts member standard | conversation deliveredSeq? readSeq? | 200",
        "messaging.unread-totals | GET /api/v1/me/unread member standard |  | 200",
        "messaging.note-typing | POST /api/v1/conversations/{conversation}/typing member standard | conversation typing? | 204",
        "messaging.conversation-channel | mesh | conversation | 200",
        "messaging.search-messages | GET /api/v1/messages/search member costly | q conversationId? senderId? from? to? limit? cursor? | 200",
        "messaging.response-metrics | GET /api/v1/users/{user}/response-metrics member standard | user | 200",
        "messaging.hide-response-metrics | PUT /api/v1/me/response-metrics member standard | hidden | 204",
        "messaging.block | POST /api/v1/blocks/{user} member standard | user | 204",
        "messaging.unblock | DELETE /api/v1/blocks/{user} member standard | user | 204",
        "messaging.blocks | GET /api/v1/blocks member standard | limit? cursor? | 200",
        "messaging.appoint-provider | mesh | member isProvider | 204",
        "messaging.recompute-metrics | mesh | after? | 200",
        "messaging.rewrap-keys | mesh |  | 200",
        "messaging.export-messages | mesh | member after? | 200",
        "messaging.erase-member | mesh | member | 200",
        "messaging.import-messages | mesh | conversation messages | 200",
      ])
  }

  @Test func `events keep their names and fields`() throws {
    let lines = [
      try line(event: ConversationOpened.self), try line(event: ParticipantsJoined.self),
      try line(event: ParticipantLeft.self), try line(event: MessageSent.self), try line(event: MessageEdited.self),
      try line(event: MessageDeleted.self), try line(event: ConversationRead.self),
      try line(event: MemberBlocked.self), try line(event: MemberUnblocked.self),
      try line(event: ResponseMetricsChanged.self),
    ]
    #expect(
      lines == [
        "messaging.conversation-opened | conversation kind opener participants",
        "messaging.participants-joined | conversation members by",
        "messaging.participant-left | conversation member by",
        "messaging.message-sent | conversation message seq sender recipients mentions",
        "messaging.message-edited | conversation message seq sender newMentions",
        "messaging.message-deleted | conversation message seq by",
        "messaging.conversation-read | conversation member seq",
        "messaging.member-blocked | member blocked",
        "messaging.member-unblocked | member blocked",
        "messaging.response-metrics-changed | member responseRatePercent? averageMinutes? medianMinutes? samples isHidden",
      ])
  }

  @Test func `pushes keep their names and fields`() throws {
    let message =
      "id conversationId seq kind senderId clientMessageId? body? notice? replyTo? fileIds mentions reactions version "
      + "createdAt editedAt? deletedAt?"
    let lines = [
      try line(push: Pushed.MessageSent.self), try line(push: Pushed.MessageEdited.self),
      try line(push: Pushed.MessageDeleted.self), try line(push: Pushed.ReceiptUpdated.self),
      try line(push: Pushed.TypingStarted.self), try line(push: Pushed.TypingStopped.self),
      try line(push: Pushed.ConversationUpdated.self),
    ]
    #expect(
      lines == [
        "message.sent | \(message)", "message.edited | \(message)",
        "message.deleted | conversationId id seq version deletedAt",
        "receipt.updated | conversationId userId deliveredSeq readSeq", "typing.started | conversationId userId",
        "typing.stopped | conversationId userId",
        "conversation.updated | conversationId lastSeq unread muted participating",
      ])
  }
}
