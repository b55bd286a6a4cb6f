import Curl
import EventLoop
import Testing

@Suite(.timeLimit(.minutes(1))) struct SMTPClientTests {
  private let message = Array("Subject: Hello\r\n\r\nfirst\r\n.dot\r\nlast\r\n".utf8)

  @Test @Loop func `a message is handed over as it is`() async throws {
    let server = try MailServer()
    let client = SMTPClient(url: "smtp://\(server.address)")
    for _ in 0..<2 {
      try await client.send(message, from: "us@example.org", to: ["ada@example.org", "bob@example.org"])
    }
    #expect(
      server.commands.filter { !$0.hasPrefix("EHLO") }.prefix(4) == [
        "MAIL FROM:<us@example.org>", "RCPT TO:<ada@example.org>", "RCPT TO:<bob@example.org>", "DATA",
      ])
    #expect(server.messages == Array(repeating: "Subject: Hello\r\n\r\nfirst\r\n..dot\r\nlast\r\n", count: 2))
    client.close()
    server.close()
  }

  @Test(arguments: [(550, 550), (451, 451)])
  @Loop func `a refused recipient is told with the server's code`(code: Int, expected: Int) async throws {
    let server = try MailServer(recipientCode: code)
    let client = SMTPClient(url: "smtp://\(server.address)")
    let error = await #expect(throws: CurlError.self) {
      try await client.send(message, from: "us@example.org", to: ["ada@example.org"])
    }
    #expect(error?.status == expected)
    #expect(server.messages == [])
    client.close()
    server.close()
  }

  @Test @Loop func `no password is sent in clear`() async throws {
    let server = try MailServer()
    let client = SMTPClient(url: "smtp://user:secret@\(server.address)")
    let error = await #expect(throws: CurlError.self) {
      try await client.send(message, from: "us@example.org", to: ["ada@example.org"])
    }
    #expect(error?.kind == .refused)
    #expect(!server.commands.contains { $0.contains("AUTH") })
    #expect(error?.description.contains("secret") == false)
    client.close()
    server.close()
  }

  @Test @Loop func `an address cannot carry a command`() async throws {
    let client = SMTPClient(url: "smtp://127.0.0.1:9")
    let error = await #expect(throws: CurlError.self) {
      try await client.send(message, from: "us@example.org", to: ["ada@example.org>\r\nRSET"])
    }
    #expect(error?.kind == .invalid)
    client.close()
  }
}

/// A mail server that takes everything, but answers recipients with a code of choice.
@Loop final class MailServer: SocketDelegate {
  private(set) var commands: [String] = []
  private(set) var messages: [String] = []
  private let recipientCode: Int
  private var listener: Listener!
  private var input = ""
  private var isInData = false

  var address: SocketAddress { listener.address }

  init(recipientCode: Int = 250) throws {
    self.recipientCode = recipientCode
    listener = try Listener(on: .anyLoopbackPort) { [unowned self] socket in
      socket.delegate = self
      (input, isInData) = ("", false)
      socket.send(Array("220 ready\r\n".utf8))
    }
  }

  func close() { listener.close() }

  func received(_ bytes: UnsafeMutableRawBufferPointer, on socket: Socket) {
    input += String(decoding: bytes, as: UTF8.self)
    while let line = next() {
      guard !isInData else {
        messages.append(line)
        isInData = false
        socket.send(Array("250 taken\r\n".utf8))
        continue
      }
      commands.append(line)
      socket.send(Array("\(answer(to: line))\r\n".utf8))
    }
  }

  /// The next command, or the whole message.
  private func next() -> String? {
    guard let end = input.firstRange(of: isInData ? "\r\n.\r\n" : "\r\n") else { return nil }
    // The line break before the dot belongs to the message.
    let text = String(input[..<end.lowerBound]) + (isInData ? "\r\n" : "")
    input.removeSubrange(..<end.upperBound)
    return text
  }

  private func answer(to command: String) -> String {
    switch command.prefix(4) {
    case "EHLO": return "250-here\r\n250 AUTH PLAIN LOGIN"
    case "RCPT": return "\(recipientCode) said"
    case "DATA":
      isInData = true
      return "354 go on"
    case "QUIT": return "221 bye"
    default: return "250 fine"
    }
  }

  func closed(_ socket: Socket, reason: SocketError?) {}
}
