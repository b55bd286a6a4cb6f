import Contract

/// What a message said before it was changed, the oldest first. Nothing of one that was deleted.
public struct MessageEdits: Endpoint {
  public static let name = "messaging.message-edits"
  public static let route: Route? = .get("/api/v1/messages/{message}/edits", .member)

  public typealias Refusal = MessageRefusal

  /// An earlier form of a message.
  public struct Edit: Codable, Sendable, Equatable {
    /// What it said.
    public let body: String
    /// Until when.
    public let replacedAt: Timestamp

    /// Describes an earlier form.
    public init(body: String, replacedAt: Timestamp) { (self.body, self.replacedAt) = (body, replacedAt) }
  }

  /// All of them: a message is changed at most 100 times.
  public struct Reply: Codable, Sendable {
    /// The earlier forms.
    public let items: [Edit]
    /// Always null.
    public let nextCursor: String?

    /// Lists earlier forms.
    public init(items: [Edit]) { (self.items, nextCursor) = (items, nil) }
  }

  /// The message.
  public let message: MessageID

  /// Asks for the list.
  public init(message: MessageID) { self.message = message }
}
