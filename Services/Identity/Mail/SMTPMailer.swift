import Contract
import Curl
import EventLoop
import FoundationEssentials
import IdentityAPI
import Mesh

/// Hands mail to a mail server.
@Loop struct SMTPMailer: Mailer {
  let client: SMTPClient
  /// The address that mail comes from.
  let sender: String

  func send(_ mail: Mail) async throws(MailFailure) {
    let message = Self.message(mail, from: sender, id: UniqueID(at: .now), at: Date())
    do {
      try await client.send(message, from: sender, to: [mail.to.text])
    } catch let error as CurlError {
      let isForGood = error.kind == .invalid || (500...599).contains(error.status)
      throw MailFailure(mayPass: !isForGood, description: error.description)
    } catch {
      throw MailFailure(mayPass: true, description: "\(error)")
    }
  }

  /// The message as it travels (RFC 5322). The text is in base64, so that no line is too long and no server has to take
  /// anything but ASCII.
  static func message(_ mail: Mail, from sender: String, id: UniqueID, at time: Date) -> [UInt8] {
    let domain = sender.split(separator: "@").last ?? "localhost"
    let text = Data(mail.text.replacing("\n", with: "\r\n").utf8)
    let lines = [
      "From: <\(sender)>", "To: <\(mail.to)>", "Subject: \(mail.subject)", "Date: \(date(time))",
      "Message-ID: <\(id)@\(domain)>", "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8",
      "Content-Transfer-Encoding: base64",
      // Asks machines not to answer (RFC 3834).
      "Auto-Submitted: auto-generated", "", text.base64EncodedString(options: .lineLength76Characters), "",
    ]
    return Array(lines.joined(separator: "\r\n").utf8)
  }

  /// `Sun, 1 Mar 2026 12:00:00 +0000` (RFC 5322, section 3.3).
  private static func date(_ time: Date) -> String {
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = .gmt
    let parts = calendar.dateComponents([.weekday, .day, .month, .year, .hour, .minute, .second], from: time)
    let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    let clock = [parts.hour!, parts.minute!, parts.second!].map { $0 < 10 ? "0\($0)" : "\($0)" }.joined(separator: ":")
    return "\(days[parts.weekday! - 1]), \(parts.day!) \(months[parts.month! - 1]) \(parts.year!) \(clock) +0000"
  }
}
