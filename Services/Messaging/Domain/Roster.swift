import Contract
import MessagingAPI

/// Who takes part in a conversation, and who may say so. A group always has an owner while anybody is in it.
struct Roster: Equatable {
  let kind: Conversation.Kind
  /// In the order in which they came.
  private(set) var participants: [Participation]

  init(_ kind: Conversation.Kind, _ participants: [Participation]) {
    (self.kind, self.participants) = (kind, participants)
  }

  /// A conversation that `opener` opens with others.
  init(_ kind: Conversation.Kind, opener: MemberID, others: [MemberID], now: Timestamp) {
    let role: Conversation.Role = kind == .group ? .owner : .member
    participants =
      [Participation(joining: opener, as: role, after: 0, now: now)]
      + others.map { Participation(joining: $0, as: .member, after: 0, now: now) }
    self.kind = kind
  }

  /// The part of a member; nil for one who has none.
  subscript(member: MemberID) -> Participation? { participants.first { $0.member == member } }

  /// The part of a member. Throws `notFound`, as for a conversation that does not exist.
  func require(_ member: MemberID) throws(ConversationRefusal) -> Participation {
    guard let participation = self[member] else { throw .notFound }
    return participation
  }

  /// Refuses who may not run the group.
  func mayManage(_ member: MemberID) throws(ConversationRefusal) {
    let role = try require(member).role
    guard kind == .group else { throw .direct }
    guard role != .member else { throw .notAllowed }
  }

  /// Brings members in; returns those who are new.
  mutating func add(
    _ members: [MemberID], by actor: MemberID, after seq: Int64, now: Timestamp
  ) throws(ConversationRefusal) -> [Participation] {
    try mayManage(actor)
    var newcomers: [Participation] = []
    for member in members where self[member] == nil && !newcomers.contains(where: { $0.member == member }) {
      newcomers.append(Participation(joining: member, as: .member, after: seq, now: now))
    }
    guard participants.count + newcomers.count <= OpenConversation.participantLimit else { throw .full }
    participants += newcomers
    return newcomers
  }

  /// Takes a member out. Where that was the owner, whoever is in the group for the longest time follows, admins first; the
  /// follower is returned.
  mutating func remove(_ member: MemberID, by actor: MemberID) throws(ConversationRefusal) -> MemberID? {
    let acting = try require(actor)
    guard kind == .group else { throw .direct }
    guard let leaving = self[member] else { throw .notFound }
    guard member == actor || acting.role.rank > leaving.role.rank else { throw .notAllowed }
    participants.removeAll { $0.member == member }
    guard leaving.role == .owner,
      let follower = participants.firstIndex(where: { $0.role == .admin }) ?? participants.indices.first
    else { return nil }
    participants[follower].role = .owner
    return participants[follower].member
  }

  /// Gives a member another role; returns who has another one now. An owner who makes another one becomes an admin.
  mutating func appoint(
    _ member: MemberID, _ role: Conversation.Role, by actor: MemberID
  ) throws(ConversationRefusal) -> [MemberID] {
    let acting = try require(actor)
    guard kind == .group else { throw .direct }
    guard acting.role == .owner else { throw .notAllowed }
    guard let index = participants.firstIndex(where: { $0.member == member }) else { throw .notFound }
    guard participants[index].role != role else { return [] }
    // The owner stays until there is another.
    guard member != actor else { throw .notAllowed }
    participants[index].role = role
    guard role == .owner, let old = participants.firstIndex(where: { $0.member == actor }) else { return [member] }
    participants[old].role = .admin
    return [member, actor]
  }
}

extension Conversation.Role {
  /// How much it allows.
  fileprivate var rank: Int {
    switch self {
    case .member: 0
    case .admin: 1
    case .owner: 2
    }
  }
}
