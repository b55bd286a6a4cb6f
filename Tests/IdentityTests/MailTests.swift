import Contract
import EventLoop
import FoundationEssentials
import IdentityAPI
import Testing

@testable import Identity

@Suite struct MailTests {
  @Test func `a mail says whom it is for and carries its token in a link`() throws {
    let token = OneTimeToken()
    let to = EmailAddress("ada@example.org")!
    for (purpose, path) in [(OneTimeToken.Purpose.verifyEmail, "verify-email"), (.resetPassword, "reset-password")] {
      for url in ["https://skills.example", "https://skills.example/"] {
        let mail = Mail(token, for: purpose, to: to, try PersonName("Ada"), at: url)
        #expect(mail.text.contains("Hello Ada,"))
        #expect(mail.text.contains("\nhttps://skills.example/\(path)?token=\(token.text)\n"))
        #expect((mail.to, mail.token) == (to, token.text))
      }
    }
  }

  @Test @Loop func `a message is ASCII in short lines`() throws {
    let mail = Mail(
      to: EmailAddress("ada@example.org")!, subject: "Hello", text: "Hällo\n" + String(repeating: "x", count: 200),
      token: "t")
    let bytes = SMTPMailer.message(
      mail, from: "us@skills.example", id: UniqueID(high: 1, low: 2), at: Date(timeIntervalSince1970: 1_772_366_403))
    let text = String(decoding: bytes, as: UTF8.self)
    #expect(
      text.hasPrefix(
        """
        From: <us@skills.example>\r
        To: <ada@example.org>\r
        Subject: Hello\r
        Date: Sun, 1 Mar 2026 12:00:03 +0000\r
        Message-ID: <00000000-0000-0001-0000-000000000002@skills.example>\r
        MIME-Version: 1.0\r
        Content-Type: text/plain; charset=utf-8\r
        Content-Transfer-Encoding: base64\r
        Auto-Submitted: auto-generated\r
        \r
        SMOkbGxvDQp4
        """))
    #expect(bytes.allSatisfy { $0 < 128 })
    #expect(text.components(separatedBy: "\r\n").allSatisfy { $0.utf8.count <= 78 })
    #expect(text.hasSuffix("\r\n"))
  }
}
