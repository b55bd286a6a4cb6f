import EventLoop
import Foundation

/// Where a running supervisor takes commands: a socket file that only its owner can reach.
@Loop final class ControlServer {
  private let listener: Listener
  private let path: String
  private weak var supervisor: Supervisor?

  /// Listens. The folder's lock must be held: a socket file that is there is a dead supervisor's. Throws `SocketError`.
  init(_ folder: MeshFolder, for supervisor: Supervisor) throws {
    path = folder.control
    self.supervisor = supervisor
    unlink(path)
    listener = try Listener(on: SocketAddress(path: path)) { [weak supervisor] socket in
      socket.delegate = supervisor.map(Conversation.init)
    }
  }

  /// Stops listening.
  func close() {
    listener.close()
    unlink(path)
  }

  /// One connection: one request, and the lines that answer it.
  private final class Conversation: SocketDelegate {
    private let supervisor: Supervisor
    private var buffer: [UInt8] = []
    private var isAsked = false

    init(_ supervisor: Supervisor) { self.supervisor = supervisor }

    func received(_ bytes: UnsafeMutableRawBufferPointer, on socket: Socket) {
      guard !isAsked else { return }
      buffer += bytes
      guard let end = buffer.firstIndex(of: 0x0A) else {
        if buffer.count > ControlEnvelope.limit { socket.close() }
        return
      }
      isAsked = true
      let line = Data(buffer[..<end])
      Task { @Loop [supervisor] in
        Self.send(await Self.answer(line, supervisor) { Self.send(.progress($0), socket) }, socket)
        socket.closeWhenDrained()
      }
    }

    func closed(_ socket: Socket, reason: SocketError?) {}

    /// The command goes on, also when whoever asked has gone.
    func ended(_ socket: Socket) {}

    private static func send(_ reply: ControlReply, _ socket: Socket) {
      guard let line = try? JSONEncoder().encode(reply) else { return }
      socket.send([UInt8](line) + [0x0A])
    }

    private static func answer(
      _ line: Data, _ supervisor: Supervisor, say: @escaping @Loop (String) -> Void
    ) async -> ControlReply {
      guard let envelope = try? JSONDecoder().decode(ControlEnvelope.self, from: line),
        envelope.version == ControlEnvelope.currentVersion
      else {
        return .refused(
          problem: "the running supervisor was built from another version and does not know this command",
          advice: "Restart everything: ./mesh down, then ./mesh up.", exitCode: ExitCode.failed)
      }
      do {
        switch envelope.request {
        case .status: return .status(await supervisor.status())
        case .scale(let counts): try await supervisor.scale(counts, say: say)
        case .restart(let name): try await supervisor.restart(name, say: say)
        case .roll(let name): try await supervisor.roll(name, say: say)
        case .down: supervisor.end()
        }
        return .done
      } catch let failure as Failure {
        return .refused(problem: failure.problem, advice: failure.advice, exitCode: failure.exitCode)
      } catch {
        return .refused(problem: "\(error)", advice: nil, exitCode: ExitCode.failed)
      }
    }
  }
}
