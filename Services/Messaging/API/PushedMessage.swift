import Contract

extension Pushed {
  /// A message was written. It is the sender's echo too, known by its client id.
  public struct MessageSent: Push, Equatable {
    public static let name = "message.sent"

    /// The message.
    public let message: Message

    /// Shows a message.
    public init(_ message: Message) { self.message = message }

    /// Reads the message.
    public init(from decoder: any Decoder) throws { message = try Message(from: decoder) }

    /// Writes the message.
    public func encode(to encoder: any Encoder) throws { try message.encode(to: encoder) }
  }

  /// A message says something else, or has other reactions.
  public struct MessageEdited: Push, Equatable {
    public static let name = "message.edited"

    /// The message as it is now.
    public let message: Message

    /// Shows a message.
    public init(_ message: Message) { self.message = message }

    /// Reads the message.
    public init(from decoder: any Decoder) throws { message = try Message(from: decoder) }

    /// Writes the message.
    public func encode(to encoder: any Encoder) throws { try message.encode(to: encoder) }
  }
}
