import Contract

/// One entry of a conversation, as its participants see it.
public struct Message: Codable, Sendable, Equatable {
  /// What an entry is.
  public enum Kind: String, Codable, Sendable, CaseIterable {
    /// A participant wrote it.
    case text
    /// The conversation tells of itself: see `notice`.
    case system
  }

  /// One emoji, and who reacted with it.
  public struct Reaction: Codable, Sendable, Equatable {
    /// The emoji.
    public let emoji: String
    /// Who, in the order in which they did.
    public let memberIds: [MemberID]

    /// Describes a reaction.
    public init(emoji: String, memberIds: [MemberID]) { (self.emoji, self.memberIds) = (emoji, memberIds) }
  }

  /// The message.
  public let id: MessageID
  /// The conversation that it stands in.
  public let conversationId: ConversationID
  /// Its place: the first message has 1, and no number is left out.
  public let seq: Int64
  /// What it is.
  public let kind: Kind
  /// Who wrote it, or caused the notice.
  public let senderId: MemberID
  /// The name that the sender's client gave it, by which that client knows it again.
  public let clientMessageId: ClientMessageID?
  /// What it says; null once it is deleted, and in system messages.
  public let body: String?
  /// What a system message tells.
  public let notice: Notice?
  /// The message that it answers.
  public let replyTo: MessageID?
  /// Files that belong to it.
  public let fileIds: [FileID]
  /// Who is mentioned.
  public let mentions: [MemberID]
  /// The reactions to it, the oldest emoji first.
  public let reactions: [Reaction]
  /// Rises by one with each edit, reaction and deletion: of two versions the higher is the newer.
  public let version: Int
  /// When it was accepted.
  public let createdAt: Timestamp
  /// When it was changed last.
  public let editedAt: Timestamp?
  /// When it was deleted.
  public let deletedAt: Timestamp?

  /// Describes a message.
  public init(
    id: MessageID, conversationId: ConversationID, seq: Int64, kind: Kind = .text, senderId: MemberID,
    clientMessageId: ClientMessageID?, body: String?, notice: Notice? = nil, replyTo: MessageID? = nil,
    fileIds: [FileID] = [], mentions: [MemberID] = [], reactions: [Reaction] = [], version: Int = 1,
    createdAt: Timestamp, editedAt: Timestamp? = nil, deletedAt: Timestamp? = nil
  ) {
    (self.id, self.conversationId, self.seq, self.kind) = (id, conversationId, seq, kind)
    (self.senderId, self.clientMessageId, self.body, self.notice) = (senderId, clientMessageId, body, notice)
    (self.replyTo, self.fileIds, self.mentions, self.reactions) = (replyTo, fileIds, mentions, reactions)
    (self.version, self.createdAt, self.editedAt, self.deletedAt) = (version, createdAt, editedAt, deletedAt)
  }
}

/// Identifies a message everywhere in the mesh.
public typealias MessageID = ID<Message>

/// Something that was uploaded to be sent.
public enum File {}
/// Identifies an uploaded file.
public typealias FileID = ID<File>
