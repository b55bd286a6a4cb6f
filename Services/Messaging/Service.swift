import Contract
import Crypto
import EventLoop
import IdentityAPI
import Mesh
import MessagingAPI
import PresenceAPI
import ProfilesAPI
import Telemetry

/// Messaging: conversations and what is said in them, who has read it, what can be found in it, who has blocked whom, and
/// how fast providers answer. This page is all that it does; how is in `Handlers/`, by the same names.
@Loop struct MessagingService {
  let mesh: MeshService
  let options: MessagingOptions
  let keys: ConversationKeys
  let typing = Typing()
  let answering = Answering()

  init(_ mesh: MeshService, _ options: MessagingOptions) {
    (self.mesh, self.options) = (mesh, options)
    keys = ConversationKeys(options.masterKey.exposed.ring)
  }

  /// Says what the service does, and has it ready to do it.
  func start() async throws {
    mesh.publishes(
      ConversationOpened.self, ParticipantsJoined.self, ParticipantLeft.self, MessageSent.self, MessageEdited.self,
      MessageDeleted.self, ConversationRead.self, MemberBlocked.self, MemberUnblocked.self,
      ResponseMetricsChanged.self)
    mesh.pushes(
      Pushed.MessageSent.self, Pushed.MessageEdited.self, Pushed.MessageDeleted.self, Pushed.ReceiptUpdated.self,
      Pushed.TypingStarted.self, Pushed.TypingStopped.self, on: ConversationChannel.pattern)
    mesh.pushes(Pushed.ConversationUpdated.self, on: "private-user-{member}")

    mesh.write(OpenConversation.self, preparing: prepareOpenConversation, openConversation)
    mesh.read(Conversations.self) { request, context, database in
      try await conversations(request, context, Stores(database))
    }
    mesh.read(ShowConversation.self) { request, context, database in
      try await conversation(request.conversation, for: context.member, Stores(database), now: context.now)
    }
    mesh.write(ChangeConversation.self, changeConversation)
    mesh.write(ChangeMembership.self, changeMembership)
    mesh.write(AddParticipants.self, preparing: prepareAddParticipants, addParticipants)
    mesh.write(RemoveParticipant.self, removeParticipant)
    mesh.write(ChangeParticipant.self, changeParticipant)

    mesh.writeJointly(SendMessage.self, sendMessages)
    mesh.read(Messages.self) { request, context, database in
      try await messages(request, context, ConversationStore(database), MessageStore(database))
    }
    mesh.write(EditMessage.self, editMessage)
    mesh.write(DeleteMessage.self, deleteMessage)
    mesh.read(MessageEdits.self) { request, context, database in
      try await messageEdits(request, context, MessageStore(database))
    }
    mesh.write(AddReaction.self, addReaction)
    mesh.write(RemoveReaction.self, removeReaction)

    mesh.write(NoteReceipts.self, noteReceipts)
    mesh.read(UnreadTotals.self) { _, context, database in
      try await ConversationStore(database).unreadTotals(of: context.member)
    }
    mesh.answer(NoteTyping.self, noteTyping)
    mesh.read(ConversationChannel.self) { request, context, database in
      try await conversationChannel(request, context, ConversationStore(database))
    }
    mesh.repeats(every: .milliseconds(250), "ending typing", endTyping)

    mesh.read(SearchMessages.self) { request, context, database in
      try await searchMessages(
        request, context, ConversationStore(database), MessageStore(database), SearchStore(database))
    }
    mesh.repeats(every: .milliseconds(500), "indexing messages", indexMessages)

    mesh.write(Block.self, block)
    mesh.write(Unblock.self, unblock)
    mesh.read(Blocks.self) { request, context, database in
      try await blocks(request, context, BlockStore(database))
    }

    mesh.read(ResponseMetrics.self) { request, context, database in
      try await responseMetrics(request, context, ResponseStore(database))
    }
    mesh.write(HideResponseMetrics.self, hideResponseMetrics)
    mesh.write(AppointProvider.self, appointProvider)
    mesh.write(RecomputeMetrics.self, recomputeMetrics)
    mesh.repeats(every: .seconds(1), "working out response metrics", recomputeDue)
    mesh.fire(HistoryDue.self, historyDue)
    mesh.fire(MetricsAging.self, metricsAging)

    mesh.write(RewrapKeys.self, rewrapKeys)
    mesh.read(ExportMessages.self) { request, context, database in
      try await exportMessages(request, context, MessageStore(database))
    }
    mesh.write(EraseMember.self, eraseMember)
    mesh.write(ImportMessages.self, importMessages)
    mesh.fire(ConversationOver.self, conversationOver)
    mesh.fire(TidyingDue.self, tidyingDue)

    mesh.handle(MemberRegistered.self, memberRegistered)
    mesh.handle(ProfileChanged.self, profileChanged)
    mesh.handle(BecameProvider.self, becameProvider)
    mesh.handle(CeasedToBeProvider.self, ceasedToBeProvider)

    mesh.handle(CameOnline.self, presenceTold)
    mesh.handle(WentOffline.self, presenceTold)
    mesh.handle(StatusChanged.self, presenceTold)
    mesh.handle(StatusConfirmed.self, presenceTold)
    mesh.handle(QuietHoursChanged.self, quietHoursChanged)

    try await mesh.transaction { tx in
      try await tidyingDue(TidyingDue(), tx)
      try await metricsAging(MetricsAging(after: nil), tx)
    }
  }
}
