import Contract

/// A conversation, as one of its participants sees it.
public struct Conversation: Codable, Sendable, Equatable {
  /// How many are in it.
  public enum Kind: String, Codable, Sendable, CaseIterable {
    /// Two, and always the same two: a pair has one.
    case direct
    /// Several, who come and go.
    case group
  }

  /// What a participant may do.
  public enum Role: String, Codable, Sendable, CaseIterable {
    /// Everything; a group always has one.
    case owner
    /// Change the title, bring members in and remove them.
    case admin
    /// Write, and leave.
    case member
  }

  /// Somebody who is in it.
  public struct Participant: Codable, Sendable, Equatable {
    /// The member.
    public let id: MemberID
    /// The first name; null for somebody who is not known any more.
    public let firstName: String?
    /// The last name.
    public let lastName: String?
    /// Where the picture is.
    public let avatarUrl: String?
    /// What the member may do in it.
    public let role: Role
    /// When the member came.
    public let joinedAt: Timestamp
    /// Up to where messages have arrived at one of the member's devices.
    public let deliveredSeq: Int64
    /// Up to where the member has read.
    public let readSeq: Int64
    /// What the member's presence shows to others; null for those who show none.
    public let presence: Presence?

    /// Describes a participant.
    public init(
      id: MemberID, firstName: String?, lastName: String?, avatarUrl: String? = nil, role: Role, joinedAt: Timestamp,
      deliveredSeq: Int64, readSeq: Int64, presence: Presence? = nil
    ) {
      (self.id, self.firstName, self.lastName, self.avatarUrl, self.role) = (id, firstName, lastName, avatarUrl, role)
      (self.joinedAt, self.deliveredSeq, self.readSeq) = (joinedAt, deliveredSeq, readSeq)
      self.presence = presence
    }
  }

  /// Whether somebody is there.
  public struct Presence: Codable, Sendable, Equatable {
    /// `online`, `away`, `busy` or `offline`.
    public let status: String
    /// When the member was active last; null where that is not shown.
    public let lastActive: Timestamp?

    /// Describes somebody's presence.
    public init(status: String, lastActive: Timestamp?) { (self.status, self.lastActive) = (status, lastActive) }
  }

  /// The conversation.
  public let id: ConversationID
  /// How many are in it.
  public let kind: Kind
  /// What a group is called.
  public let title: Title?
  /// Words that clients keep with it.
  public let metadata: [String: String]
  /// Who is in it, the first who came first.
  public let participants: [Participant]
  /// The place of its newest message; 0 while it has none.
  public let lastSeq: Int64
  /// Its newest message.
  public let lastMessage: Message?
  /// How many messages the participant has not read.
  public let unread: Int64
  /// Whether it is put out of sight.
  public let archived: Bool
  /// Whether it makes no noise.
  public let muted: Bool
  /// Whether it stands above the others.
  public let pinned: Bool
  /// When it was opened.
  public let createdAt: Timestamp
  /// When something was written last; when it was opened, until then.
  public let lastActivityAt: Timestamp

  /// Describes a conversation.
  public init(
    id: ConversationID, kind: Kind, title: Title?, metadata: [String: String], participants: [Participant],
    lastSeq: Int64, lastMessage: Message?, unread: Int64, archived: Bool, muted: Bool, pinned: Bool,
    createdAt: Timestamp, lastActivityAt: Timestamp
  ) {
    (self.id, self.kind, self.title, self.metadata, self.participants) = (id, kind, title, metadata, participants)
    (self.lastSeq, self.lastMessage, self.unread) = (lastSeq, lastMessage, unread)
    (self.archived, self.muted, self.pinned) = (archived, muted, pinned)
    (self.createdAt, self.lastActivityAt) = (createdAt, lastActivityAt)
  }
}

/// Identifies a conversation everywhere in the mesh.
public typealias ConversationID = ID<Conversation>
