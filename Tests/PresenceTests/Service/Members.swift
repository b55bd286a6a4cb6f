import Contract
import EventLoop
import IdentityAPI
import Mesh
import MessagingAPI
import Postgres
import PresenceAPI
import ServiceKit

extension PresenceWorld {
  /// Somebody new, known by name.
  func register(_ first: String = "Ada", _ last: String = "Lovelace") async throws -> MemberID {
    let member = MemberID(at: .now)
    try tell(
      MemberRegistered(
        member: member, firstName: try PersonName(first), lastName: try PersonName(last), referralCode: nil))
    try await wait("the name of \(first)") {
      try await database.query("select first_name from members where id = \(member)").first?
        .decode(column: 0, as: String?.self) == first
    }
    return member
  }

  /// Several at once.
  func register(count: Int) async throws -> [MemberID] {
    let members = (0..<count).map { _ in MemberID(at: .now) }.sorted()
    for (number, member) in members.enumerated() {
      try tell(
        MemberRegistered(
          member: member, firstName: try PersonName("Member"), lastName: try PersonName("\(number)"), referralCode: nil)
      )
    }
    try await wait("\(count) members") {
      try await database.query("select count(*) from members where id = any(\(members))").first?
        .decode(column: 0, as: Int.self) == count
    }
    return members
  }

  /// Two members begin to share a conversation.
  func converse(_ one: MemberID, _ other: MemberID) async throws -> ConversationID {
    let conversation = ConversationID(at: .now)
    try tell(
      ConversationOpened(conversation: conversation, kind: .direct, opener: one, participants: [one, other]))
    try await wait("the conversation") {
      try await database.query("select from participants where conversation_id = \(conversation.value)").count == 2
    }
    return conversation
  }
}
