import Contract
import Curl
import EventLoop
import IdentityAPI
import Mesh
import Telemetry

/// A mail to one member.
struct Mail: Sendable, Equatable {
  let to: EmailAddress
  let subject: String
  let text: String
  /// The token that is in the text.
  let token: String
}

/// A way for mail to leave.
@Loop protocol Mailer {
  /// Hands a mail over. Throws `MailFailure`.
  func send(_ mail: Mail) async throws(MailFailure)
}

/// Why a mail was not handed over.
struct MailFailure: Error, CustomStringConvertible {
  /// Whether trying again may help.
  let mayPass: Bool
  /// What happened, for the log.
  let description: String
}

/// Keeps mail in the database, for `/dev/mailbox`.
@Loop struct DevelopmentMailer: Mailer {
  let store: DevelopmentMailStore

  func send(_ mail: Mail) async throws(MailFailure) {
    do {
      try await store.add(
        DevelopmentMailbox.Mail(to: mail.to, subject: mail.subject, text: mail.text, token: mail.token, sentAt: .now))
    } catch { throw MailFailure(mayPass: true, description: "\(error)") }
  }
}

extension IdentityService {
  /// The way for mail to leave that was configured.
  var mailer: any Mailer {
    guard !options.development, let url = options.smtpURL, let sender = options.mailFrom else {
      return DevelopmentMailer(store: DevelopmentMailStore(mesh.database))
    }
    return SMTPMailer(client: SMTPClient(url: url.exposed.text), sender: sender.text)
  }
}
