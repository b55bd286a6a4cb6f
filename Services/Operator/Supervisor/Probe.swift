import EventLoop

/// One question to a server, and all it answers until it closes the connection.
@Loop enum Probe {
  /// The longest answer that is of interest, in bytes.
  private static let limit = 65_536

  /// Whether `GET path` is answered with 200.
  static func isReady(http address: String, path: String = "/readyz") async -> Bool {
    let request = "GET \(path) HTTP/1.1\r\nHost: \(address)\r\nConnection: close\r\n\r\n"
    return await ask(address, request).starts(with: Array("HTTP/1.1 200".utf8))
  }

  /// Whether Redis has loaded its data and knows the password.
  static func isReady(redis address: String, password: String) async -> Bool {
    await ask(address, "AUTH \(password)\r\nPING\r\nQUIT\r\n").starts(with: Array("+OK\r\n+PONG\r\n".utf8))
  }

  /// The answer; empty when there is none within a second.
  private static func ask(_ address: String, _ question: String) async -> [UInt8] {
    guard let colon = address.lastIndex(of: ":"), let port = UInt16(address[address.index(after: colon)...]),
      let target = try? SocketAddress(host: String(address[..<colon]), port: port)
    else { return [] }
    let asking = Task { @Loop in await ask(target, question) }
    // Connecting takes its time as well: a process that stands still may not even take the connection.
    let timer = Loop.schedule(after: .seconds(1)) { asking.cancel() }
    defer { timer.cancel() }
    return await asking.value
  }

  /// The answer, as far as it has come when the task is cancelled.
  private static func ask(_ target: SocketAddress, _ question: String) async -> [UInt8] {
    guard let socket = try? await Socket.connect(to: target) else { return [] }
    let answer = Answer()
    socket.delegate = answer
    socket.send(Array(question.utf8))
    // Only cancellation throws, and then the time is up.
    try? await answer.isComplete.value
    socket.close()
    return answer.bytes
  }

  private final class Answer: SocketDelegate {
    var bytes: [UInt8] = []
    let isComplete = Promise<Void>()

    func received(_ bytes: UnsafeMutableRawBufferPointer, on socket: Socket) {
      self.bytes += bytes
      if self.bytes.count > limit { socket.close() }
    }

    func closed(_ socket: Socket, reason: SocketError?) { isComplete.fulfil(()) }
  }
}
