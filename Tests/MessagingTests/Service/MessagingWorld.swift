import Contract
import EventLoop
import Mesh
import MessagingAPI
import Postgres
import ServiceKit

/// Messaging, and its members.
@Loop final class MessagingWorld: ServiceWorld {
  /// Starts replicas, which seal conversations' keys with these master keys.
  init(replicas: Int = 1, masterKey: String = MessagingWorld.masterKey(1)) async throws {
    try await super.init("messaging")
    for replica in 0..<replicas { try await start(replica, masterKey: masterKey) }
  }

  /// A master key as the option takes it.
  nonisolated static func masterKey(_ id: Int) -> String { "\(id):" + String(repeating: "0\(id)", count: 32) }

  /// Starts a replica.
  func start(_ replica: Int, masterKey: String) async throws {
    try await start(replica, ["MESSAGING_MASTER_KEY=\(masterKey)"])
  }

  /// A new member.
  func member(_ firstName: String = "Ada", isProvider: Bool = false) async throws -> Member {
    let id = MemberID(at: .now)
    try await database.query(
      """
      insert into members (id, first_name, last_name, is_provider)
      values (\(id), \(firstName), 'Lovelace', \(isProvider))
      """)
    return Member(world: self, id: id)
  }
}

/// Somebody who uses the world.
@Loop struct Member {
  let world: MessagingWorld
  nonisolated let id: MemberID
  private var caller: Caller { .member(id, role: .member, session: ServiceWorld.session(of: id)) }

  nonisolated init(world: MessagingWorld, id: MemberID) { (self.world, self.id) = (world, id) }

  func ask<Request: Endpoint>(
    _ request: Request, path: PathValues = [:], query: String? = nil, key: String? = nil
  ) async throws -> Result<Request.Reply, Problem> {
    try await world.ask(request, as: caller, path: path, query: query, key: key)
  }

  /// The direct conversation with somebody.
  func open(with other: Member) async throws -> Conversation {
    try await ask(OpenConversation(kind: .direct, participantIds: [other.id])).get().conversation
  }

  func group(with others: [Member], title: String = "Group") async throws -> Conversation {
    try await ask(
      OpenConversation(kind: .group, participantIds: others.map(\.id), title: try Title(title))
    ).get().conversation
  }

  func send(
    _ text: String, to conversation: ConversationID, clientID: String = UniqueID(at: .now).description,
    replyTo: MessageID? = nil, mentions: [MemberID]? = nil
  ) async throws -> (status: Int, reply: Result<Message, Problem>) {
    let request = SendMessage(
      conversation: conversation, clientMessageId: ClientMessageID(clientID)!, body: try MessageBody(text),
      replyTo: replyTo, mentions: mentions)
    let answer = try await world.answer(to: request, as: caller, path: ["conversation": conversation.description])
    return (answer.status, answer.reply.map(\.message))
  }

  /// Sends, and expects it to work.
  func say(_ text: String, to conversation: ConversationID) async throws -> Message {
    try await send(text, to: conversation).reply.get()
  }

  func messages(of conversation: ConversationID, _ query: String = "") async throws -> [Message] {
    try await ask(
      Messages(conversation: conversation), path: ["conversation": conversation.description], query: query
    ).get().items
  }

  func show(_ conversation: ConversationID) async throws -> Result<Conversation, Problem> {
    try await ask(
      ShowConversation(conversation: conversation), path: ["conversation": conversation.description])
  }

  func conversations(_ query: String = "") async throws -> Conversations.Reply {
    try await ask(Conversations(), query: query).get()
  }

  func note(delivered: Int64? = nil, read: Int64? = nil, in conversation: ConversationID) async throws
    -> NoteReceipts.Reply
  {
    try await ask(
      NoteReceipts(
        conversation: conversation, deliveredSeq: delivered.flatMap { MessageSeq($0) },
        readSeq: read.flatMap { MessageSeq($0) }), path: ["conversation": conversation.description]
    ).get()
  }

  func search(_ query: String) async throws -> Result<SearchMessages.Reply, Problem> {
    try await ask(SearchMessages(q: ""), query: query)
  }
}
