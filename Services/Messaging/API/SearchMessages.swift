import Contract

/// Finds messages that contain all of some words, in any of the member's conversations, the newest first.
///
/// Upper case, accents and, in English, endings make no difference: "running" finds "Runs". A message can be found about a
/// second after it was sent.
public struct SearchMessages: Endpoint {
  public static let name = "messaging.search-messages"
  public static let route: Route? = .get("/api/v1/messages/search", .member, rate: .costly)

  public typealias Refusal = ConversationRefusal

  /// A message that was found.
  public struct Hit: Codable, Sendable, Equatable {
    /// The message.
    public let message: Message
    /// A part of its text with a match in it.
    public let excerpt: String
    /// Where the matches are in the excerpt.
    public let highlights: [Highlight]

    /// Describes what was found.
    public init(message: Message, excerpt: String, highlights: [Highlight]) {
      (self.message, self.excerpt, self.highlights) = (message, excerpt, highlights)
    }
  }

  /// A match in an excerpt, in UTF-16 code units as JavaScript counts them.
  public struct Highlight: Codable, Sendable, Equatable {
    /// Where it begins.
    public let start: Int
    /// How long it is.
    public let length: Int

    /// Describes a match.
    public init(start: Int, length: Int) { (self.start, self.length) = (start, length) }
  }

  /// A page.
  public struct Reply: Codable, Sendable {
    /// What was found.
    public let items: [Hit]
    /// Where the next page begins; null on the last.
    public let nextCursor: String?

    /// Lists what was found.
    public init(items: [Hit], nextCursor: String?) { (self.items, self.nextCursor) = (items, nextCursor) }
  }

  /// The words: 1 to 200 characters, of which the first eight words count.
  public let q: String
  /// Only in this conversation.
  public let conversationId: ConversationID?
  /// Only what this member wrote.
  public let senderId: MemberID?
  /// Only what was written at this time or later.
  public let from: Timestamp?
  /// Only what was written before this time.
  public let to: Timestamp?
  /// How many.
  public let limit: PageSize?
  /// Where to go on.
  public let cursor: String?

  /// Asks for messages.
  public init(
    q: String, conversationId: ConversationID? = nil, senderId: MemberID? = nil, from: Timestamp? = nil,
    to: Timestamp? = nil, limit: PageSize? = nil, cursor: String? = nil
  ) {
    (self.q, self.conversationId, self.senderId, self.from, self.to) = (q, conversationId, senderId, from, to)
    (self.limit, self.cursor) = (limit, cursor)
  }
}
