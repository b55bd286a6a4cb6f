import Contract

/// Everything that messaging keeps of what a member wrote, some messages at a time, the oldest first. Only identity, which
/// puts exports together, and the operator may.
public struct ExportMessages: Endpoint {
  public static let name = "messaging.export-messages"
  public static let route: Route? = nil
  public static let effect = Effect.read

  public typealias Refusal = OperatorRefusal

  /// A part.
  public struct Reply: Codable, Sendable {
    /// The messages.
    public let messages: [Message]
    /// What to go on after; null at the end.
    public let next: MessageID?

    /// Lists messages.
    public init(messages: [Message], next: MessageID?) { (self.messages, self.next) = (messages, next) }
  }

  /// The member.
  public let member: MemberID
  /// The message after which to begin; the first when left out.
  public let after: MessageID?

  /// Asks for a part.
  public init(member: MemberID, after: MessageID? = nil) { (self.member, self.after) = (member, after) }
}
