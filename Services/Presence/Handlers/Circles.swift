import Contract
import EventLoop
import Mesh
import MessagingAPI
import PresenceAPI

/// Who comes to know whom, and who wants nothing to do with whom: what privacy rests on.
extension PresenceService {
  func conversationOpened(_ event: ConversationOpened, _ tx: Tx) async throws {
    try await CircleStore(tx).join(event.participants, conversation: event.conversation.value)
    try await recheckContacts(of: event.participants, tx)
  }

  func participantsJoined(_ event: ParticipantsJoined, _ tx: Tx) async throws {
    let circle = CircleStore(tx)
    try await circle.join(event.members, conversation: event.conversation.value)
    try await recheckContacts(of: circle.participants(of: event.conversation.value), tx)
  }

  func participantLeft(_ event: ParticipantLeft, _ tx: Tx) async throws {
    let circle = CircleStore(tx)
    let before = try await circle.participants(of: event.conversation.value)
    try await circle.leave(event.member, conversation: event.conversation.value)
    try await recheckContacts(of: before, tx)
  }

  func memberBlocked(_ event: MemberBlocked, _ tx: Tx) async throws {
    try await CircleStore(tx).block(event.blocked, by: event.member)
    for member in [event.member, event.blocked] { tx.recheck(.presence(of: member)) }
  }

  func memberUnblocked(_ event: MemberUnblocked, _ tx: Tx) async throws {
    try await CircleStore(tx).unblock(event.blocked, by: event.member)
    for member in [event.member, event.blocked] { tx.recheck(.presence(of: member)) }
  }

  /// Those whose contacts may have changed, where it matters: contacts alone see them.
  private func recheckContacts(of members: [MemberID], _ tx: Tx) async throws {
    for (member, settings) in try await MemberStore(tx).find(members)
    where settings.privacy.showOnlineStatus == .contacts { tx.recheck(.presence(of: member)) }
  }
}
