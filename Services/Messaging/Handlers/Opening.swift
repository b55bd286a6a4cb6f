import Contract
import EventLoop
import Mesh
import MessagingAPI

/// How conversations begin, and who is in them.
extension MessagingService {
  /// Members who registered a moment ago may not be known here yet: they are waited for.
  private static let acquaintance = Duration.seconds(10)
  private static let patience = Duration.seconds(2)

  /// Which members are providers; an id that nobody has is refused by its place in the request.
  func prepareOpenConversation(_ request: OpenConversation, _ context: Context) async throws -> [MemberID: Bool] {
    let opener = try context.member
    let others = request.participantIds
    var fields: [Problem.Field] = []
    func refuseParticipants(_ code: String, _ detail: String) {
      fields.append(Problem.Field(pointer: "/participantIds", code: code, detail: detail))
    }
    switch request.kind {
    case .direct:
      if others.count != 1 || others.first == opener { refuseParticipants("count", "must be one other member") }
      if request.title != nil {
        fields.append(Problem.Field(pointer: "/title", code: "direct", detail: "is for groups"))
      }
    case .group:
      if Set(others).subtracting([opener]).count >= OpenConversation.participantLimit || others.count > 200 {
        refuseParticipants("too_many", "must be at most \(OpenConversation.participantLimit - 1) other members")
      }
    }
    fields += Self.metadataProblems(request.metadata)
    try refuse(fields)
    return try await acquaint(with: others, opener, context)
  }

  func openConversation(
    _ request: OpenConversation, isProvider: [MemberID: Bool], _ context: Context, _ tx: Tx
  ) async throws -> OpenConversation.Reply {
    let opener = try context.member
    let store = ConversationStore(tx)
    var others: [MemberID] = []
    for member in request.participantIds where member != opener && !others.contains(member) { others.append(member) }
    guard try await BlockStore(tx).between(opener, and: others).isEmpty else { throw ConversationRefusal.blocked }
    let roster = Roster(request.kind, opener: opener, others: others, now: tx.now)
    let id = ConversationID(at: tx.now)
    let provider =
      request.kind == .direct ? [others[0], opener].first { isProvider[$0] ?? false } : nil
    let made = keys.make(for: id)
    let label = Label(title: request.title, metadata: request.metadata ?? [:])
    let isNew = try await store.add(
      id, roster, opener: opener, provider: provider, label: made.key.seal(label, of: id), key: made.sealed, now: tx.now
    )
    guard isNew else {
      guard let known = try await store.find(between: opener, and: others[0]) else {
        throw ConversationRefusal.notFound
      }
      return OpenConversation.Reply(
        try await conversation(known, for: opener, Stores(tx), now: tx.now), isNew: false)
    }
    try tx.emit(
      ConversationOpened(
        conversation: id, kind: request.kind, opener: opener, participants: roster.participants.map(\.member)))
    try tell(roster.participants, of: id, lastSeq: 0, tx)
    return OpenConversation.Reply(try await conversation(id, for: opener, Stores(tx), now: tx.now), isNew: true)
  }

  func changeConversation(_ request: ChangeConversation, _ context: Context, _ tx: Tx) async throws -> Conversation {
    let member = try context.member
    try refuse(Self.metadataProblems(request.metadata))
    let store = ConversationStore(tx)
    let (roster, lastSeq) = try await load(request.conversation, tx)
    try roster.mayManage(member)
    guard let record = try await store.find(request.conversation) else { throw ConversationRefusal.notFound }
    let key = try keys.key(of: record.id, record.sealedKey)
    var label = try self.label(of: record, key)
    label.take(title: request.title, metadata: request.metadata)
    try await store.save(label: key.seal(label, of: record.id), of: record.id)
    if request.title != nil { try await addNotice(Notice(.retitled), by: member, to: request.conversation, tx) }
    if request.title == nil { try tell(roster.participants, of: request.conversation, lastSeq: lastSeq, tx) }
    return try await conversation(request.conversation, for: member, Stores(tx), now: tx.now)
  }

  func changeMembership(_ request: ChangeMembership, _ context: Context, _ tx: Tx) async throws -> Conversation {
    let member = try context.member
    let store = ConversationStore(tx)
    guard let found = try await store.membership(of: member, in: request.conversation) else {
      throw ConversationRefusal.notFound
    }
    var own = found.participation
    own.isArchived = request.archived ?? own.isArchived
    own.isMuted = request.muted ?? own.isMuted
    own.isPinned = request.pinned ?? own.isPinned
    try await store.save(own, in: request.conversation)
    try tell([own], of: request.conversation, lastSeq: found.lastSeq, tx)
    return try await conversation(request.conversation, for: member, Stores(tx), now: tx.now)
  }

  func prepareAddParticipants(_ request: AddParticipants, _ context: Context) async throws {
    if request.participantIds.isEmpty || request.participantIds.count > OpenConversation.participantLimit {
      let detail = "must be 1 to \(OpenConversation.participantLimit) members"
      try refuse([Problem.Field(pointer: "/participantIds", code: "count", detail: detail)])
    }
    _ = try await acquaint(with: request.participantIds, context.member, context)
  }

  func addParticipants(
    _ request: AddParticipants, _ prepared: Void, _ context: Context, _ tx: Tx
  ) async throws -> Conversation {
    let member = try context.member
    let store = ConversationStore(tx)
    var (roster, lastSeq) = try await load(request.conversation, tx)
    let newcomers = try roster.add(request.participantIds, by: member, after: lastSeq, now: tx.now)
    let ids = newcomers.map(\.member)
    guard try await BlockStore(tx).between(member, and: ids).isEmpty else { throw ConversationRefusal.blocked }
    if !newcomers.isEmpty {
      try await store.add(newcomers, to: request.conversation)
      try await addNotice(Notice(.joined, ids), by: member, to: request.conversation, tx)
      tx.recheck(ConversationChannel.pattern.channel(request.conversation))
      try tx.emit(ParticipantsJoined(conversation: request.conversation, members: ids, by: member))
    }
    return try await conversation(request.conversation, for: member, Stores(tx), now: tx.now)
  }

  func removeParticipant(_ request: RemoveParticipant, _ context: Context, _ tx: Tx) async throws -> Nothing {
    let member = try context.member
    var (roster, _) = try await load(request.conversation, tx)
    let follower = try roster.remove(request.user, by: member)
    try await leave(request.conversation, roster, request.user, follower: follower, by: member, tx)
    return Nothing()
  }

  /// Takes a member out of a group who has left its roster already.
  func leave(
    _ conversation: ConversationID, _ roster: Roster, _ member: MemberID, follower: MemberID?, by actor: MemberID,
    _ tx: Tx
  ) async throws {
    let store = ConversationStore(tx)
    if let follower { try await store.save(role: .owner, of: follower, in: conversation) }
    try await addNotice(Notice(.left, [member]), by: actor, to: conversation, tx)
    try await store.remove(member, from: conversation, now: tx.now)
    tx.recheck(ConversationChannel.pattern.channel(conversation))
    try tx.push(
      Pushed.ConversationUpdated(
        conversationId: conversation, lastSeq: 0, unread: 0, muted: true, participating: false), to: .user(member))
    try tx.emit(ParticipantLeft(conversation: conversation, member: member, by: actor))
    if roster.participants.isEmpty {
      try tx.schedule(
        ConversationOver(conversation: conversation), at: tx.now + ConversationOver.delay,
        key: conversation.description)
    }
  }

  func changeParticipant(_ request: ChangeParticipant, _ context: Context, _ tx: Tx) async throws -> Conversation {
    let member = try context.member
    let store = ConversationStore(tx)
    var (roster, lastSeq) = try await load(request.conversation, tx)
    for changed in try roster.appoint(request.user, request.role, by: member) {
      guard let role = roster[changed]?.role else { continue }
      try await store.save(role: role, of: changed, in: request.conversation)
    }
    try tell(roster.participants, of: request.conversation, lastSeq: lastSeq, tx)
    return try await conversation(request.conversation, for: member, Stores(tx), now: tx.now)
  }

  // MARK: What these have in common

  /// Who takes part, under the conversation's lock.
  private func load(_ id: ConversationID, _ tx: Tx) async throws -> (Roster, Int64) {
    guard let found = try await ConversationStore(tx).load(id) else { throw ConversationRefusal.notFound }
    return found
  }

  /// Has members' lists show a conversation as it is now.
  private func tell(
    _ participants: [Participation], of conversation: ConversationID, lastSeq: Int64, _ tx: Tx
  ) throws {
    for one in participants {
      try tx.push(
        Pushed.ConversationUpdated(
          conversationId: conversation, lastSeq: lastSeq, unread: one.unread(of: lastSeq), muted: one.isMuted),
        to: .user(one.member))
    }
  }

  /// Which of the members are providers, the one who asks included. Throws a 422 problem that points at those who are
  /// not known.
  private func acquaint(
    with members: [MemberID], _ asking: MemberID, _ context: Context
  ) async throws -> [MemberID: Bool] {
    let store = MemberStore(mesh.database)
    let youngest = context.now - Self.acquaintance
    let until = min(context.deadline, context.now + Self.patience)
    while true {
      let known = try await store.known(members + [asking])
      let unknown = members.indices.filter { known[members[$0]] == nil }
      if unknown.isEmpty { return known }
      // An identifier tells when it was made.
      let mayCome = unknown.contains { members[$0].value.madeAt > youngest }
      guard mayCome, Timestamp.now < until else {
        try refuse(
          unknown.map {
            Problem.Field(pointer: "/participantIds/\($0)", code: "unknown", detail: "must be a member")
          })
        return known
      }
      try await Loop.sleep(for: .milliseconds(50))
    }
  }

  private static func metadataProblems(_ metadata: [String: String]?) -> [Problem.Field] {
    let metadata = metadata ?? [:]
    let isFine =
      metadata.count <= 16
      && metadata.allSatisfy { $0.key.utf8.count <= 256 && $0.value.utf8.count <= 256 && !$0.key.utf8.contains(0) }
    guard !isFine else { return [] }
    let detail = "must have at most 16 entries, each and its name of at most 256 bytes"
    return [Problem.Field(pointer: "/metadata", code: "too_long", detail: detail)]
  }
}

extension UniqueID {
  /// When an identifier of version 7 was made (RFC 9562, section 5.7).
  fileprivate var madeAt: Timestamp { Timestamp(milliseconds: Int64(high >> 16)) }
}
