/// A failure of Redis, or of the way to it.
public struct RedisError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What went wrong, seen from the command that failed.
  public enum Kind: Sendable {
    /// Redis refused the command; `code` says why.
    case server
    /// The connection broke. Whether the command took effect is unknown.
    case connectionLost
    /// There is no connection. Nothing was sent.
    case unavailable
    /// No answer came in time. Whether the command took effect is unknown.
    case timeout
    /// Too many commands or bytes are under way. Nothing was sent.
    case overloaded
    /// An answer is not of the type that was asked for.
    case decoding
    /// The configuration is at fault.
    case invalid
  }

  /// What is known about the outcome.
  public var kind: Kind
  /// What happened, in one sentence.
  public var message: String
  /// The word with which Redis names the error: `ERR`, `NOSCRIPT`, `MOVED`, `LOADING`, `WRONGTYPE`, …
  public var code: String?
  /// The name of the command, without its arguments.
  public var command: String?

  init(_ kind: Kind, _ message: String, command: String? = nil) {
    (self.kind, self.message, self.command) = (kind, message, command)
  }

  /// Reads an error as Redis sends it: its code, a space, its message.
  init(reply: String, command: String? = nil) {
    self.init(.server, reply, command: command)
    code = reply.split(separator: " ", maxSplits: 1).first.map(String.init)
  }

  /// One line for a log.
  public var description: String { command.map { "\(message), in: \($0)" } ?? message }
}
