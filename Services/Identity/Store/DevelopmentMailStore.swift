import Contract
import EventLoop
import IdentityAPI
import Postgres

/// Mail that would have left the machine, in `development_mails`.
@Loop struct DevelopmentMailStore {
  /// Older ones are forgotten.
  private static let memory = Duration.seconds(24 * 3600)

  private let database: any Querying

  init(_ database: any Querying) { self.database = database }

  /// Keeps a mail, and forgets old ones.
  func add(_ mail: DevelopmentMailbox.Mail) async throws {
    try await database.query(
      """
      with old as (delete from development_mails where sent_at < \(mail.sentAt - Self.memory))
      insert into development_mails (recipient, subject, content, token, sent_at)
      values (\(mail.to.text), \(mail.subject), \(mail.text), \(mail.token), \(mail.sentAt))
      """)
  }

  /// The last hundred to `recipient` or to everybody, newest first.
  func newest(to recipient: EmailAddress?) async throws -> [DevelopmentMailbox.Mail] {
    let isWanted: SQL = recipient.map { "recipient = \($0.text)" } ?? "true"
    return try await database.query(
      """
      select recipient, subject, content, token, sent_at from development_mails
      where \(isWanted) order by id desc limit 100
      """
    ).map { row in
      let (to, subject, text, token, sentAt) = try row.decode(
        EmailAddress.self, String.self, String.self, String.self, Timestamp.self)
      return DevelopmentMailbox.Mail(to: to, subject: subject, text: text, token: token, sentAt: sentAt)
    }
  }
}
