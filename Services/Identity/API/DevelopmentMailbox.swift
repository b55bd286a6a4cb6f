import Contract

/// The mail that would have been sent, newest first. It is there in development only, where no mail leaves the machine.
public struct DevelopmentMailbox: Endpoint {
  public static let name = "identity.development-mailbox"
  public static let route: Route? = .get("/dev/mailbox", .anyone)

  /// One mail.
  public struct Mail: Codable, Sendable, Equatable {
    /// Whom it was for.
    public let to: EmailAddress
    /// What it was about.
    public let subject: String
    /// What it said.
    public let text: String
    /// The token in it.
    public let token: String
    /// When it was sent.
    public let sentAt: Timestamp

    /// Describes a mail.
    public init(to: EmailAddress, subject: String, text: String, token: String, sentAt: Timestamp) {
      (self.to, self.subject, self.text, self.token, self.sentAt) = (to, subject, text, token, sentAt)
    }
  }

  /// The last hundred.
  public struct Reply: Codable, Sendable {
    /// The mails.
    public let items: [Mail]

    /// Lists mails.
    public init(items: [Mail]) { self.items = items }
  }

  /// Whose mail; everybody's when left out.
  public let to: EmailAddress?

  /// Asks for the mail.
  public init(to: EmailAddress? = nil) { self.to = to }
}
