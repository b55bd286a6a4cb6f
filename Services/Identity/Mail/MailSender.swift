import Contract
import EventLoop
import IdentityAPI
import Mesh
import Telemetry

/// Sends the mail that transactions have asked for.
///
/// **Overview.** Each replica looks for mail that is due, takes some of it for a while, makes a token for each, stores its
/// digest, and hands the mail over. The token is made here and nowhere else, so that none is ever stored; when a mail is
/// tried again it carries another one, and the earlier one does not hold any more.
///
/// **Guarantees.** Every mail is handed over at least once, unless the server refuses it for good or `attempts` have
/// failed; then it stays in its table with the reason.
@Loop final class MailSender {
  private static let interval = Duration.milliseconds(500)
  private static let batch = 20
  /// How long handing over a batch may take before others try.
  private static let lease = Duration.seconds(120)
  private static let attempts = 10
  private static let longestPause = Duration.seconds(3600)

  private let mails: MailStore
  private let tokens: OneTimeTokenStore
  private let mailer: any Mailer
  private let publicURL: String
  private let log: Log
  private let sent: Counter
  private let failed: Counter

  init(
    _ mails: MailStore, _ tokens: OneTimeTokenStore, _ mailer: any Mailer, publicURL: ServiceURL, log: Log,
    metrics: Metrics
  ) {
    (self.mails, self.tokens, self.mailer) = (mails, tokens, mailer)
    (self.publicURL, self.log) = (publicURL.text, log)
    sent = metrics.counter("identity_mails_sent_total", "Mails handed over.")
    failed = metrics.counter("identity_mails_failed_total", "Attempts to hand over a mail that failed.")
  }

  /// Sends mail for as long as the process lives.
  func start() {
    Loop.task { [self] in
      while true {
        do {
          while try await sendBatch() == Self.batch {}
        } catch {
          log.limited().warning("mail waits for the database", ["error": "\(error)"])
        }
        try? await Loop.sleep(for: Self.interval)
      }
    }
  }

  /// Sends what is due; returns how many mails that were.
  func sendBatch() async throws -> Int {
    let batch = try await mails.take(atMost: Self.batch, lease: Self.lease, now: .now)
    for due in batch { try await send(due) }
    return batch.count
  }

  private func send(_ due: MailStore.Due) async throws {
    let token = OneTimeToken()
    try await tokens.replace(with: token, for: due.purpose, of: due.member, now: .now)
    do throws(MailFailure) {
      try await mailer.send(Mail(token, for: due.purpose, to: due.email, due.firstName, at: publicURL))
    } catch {
      failed.add(1)
      log.warning("a mail was not sent", ["purpose": due.purpose.rawValue, "member": due.member, "error": error])
      guard error.mayPass, due.attempts < Self.attempts else {
        return try await mails.giveUp(due, because: error.description)
      }
      let pause = min(.seconds(5 << min(due.attempts - 1, 10)), Self.longestPause)
      return try await mails.putOff(due, until: .now + pause)
    }
    sent.add(1)
    try await mails.remove(due)
  }
}
