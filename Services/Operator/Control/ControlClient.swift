import EventLoop
import Foundation

/// Asks the supervisor of this folder and prints its progress; returns its last word.
///
/// Throws `Failure`: when none runs, when it refuses, and when it does not answer within `limit`.
@Loop func askSupervisor(
  _ folder: MeshFolder, _ request: ControlRequest, within limit: Duration = .seconds(600)
) async throws -> ControlReply {
  guard let socket = try? await Socket.connect(to: SocketAddress(path: folder.control)) else {
    throw Failure.notRunning
  }
  let replies = Replies()
  socket.delegate = replies
  socket.send([UInt8](try JSONEncoder().encode(ControlEnvelope(request: request))) + [0x0A])
  let timer = Loop.schedule(after: limit) { socket.close() }
  defer { timer.cancel() }
  switch try await replies.last.value {
  case .refused(let problem, let advice, let exitCode): throw Failure(problem, advice: advice, exitCode: exitCode)
  case let reply: return reply
  }
}

/// The ports of what runs from this folder. Throws `Failure` when nothing does.
@Loop func runningPorts(_ folder: MeshFolder) async throws -> Ports {
  _ = try await askSupervisor(folder, .status, within: .seconds(30))
  guard let ports = Ports.load(folder) else { throw Failure.notRunning }
  return ports
}

/// Reads the lines of an answer.
@Loop private final class Replies: SocketDelegate {
  let last = Promise<ControlReply>()
  private var buffer: [UInt8] = []

  func received(_ bytes: UnsafeMutableRawBufferPointer, on socket: Socket) {
    buffer += bytes
    while let end = buffer.firstIndex(of: 0x0A) {
      let line = Data(buffer[..<end])
      buffer.removeFirst(end + 1)
      guard let reply = try? JSONDecoder().decode(ControlReply.self, from: line) else { return socket.close() }
      if case .progress(let text) = reply { Console.say(text) } else { last.fulfil(reply) }
    }
    if buffer.count > ControlEnvelope.limit { socket.close() }
  }

  func closed(_ socket: Socket, reason: SocketError?) {
    last.fail(Failure("the supervisor did not answer", advice: "Its log: ./mesh logs \(Supervisor.name)."))
  }
}
