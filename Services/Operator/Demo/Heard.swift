import EventLoop
import Wire

/// Something that a client was told over its socket.
struct PushedEvent {
  let name: String
  let data: JSONValue
  /// Where the channel was behind it.
  let position: String?
}

/// What a client was told over its socket and nobody has looked at yet.
@Loop final class Heard {
  private static let patience = Duration.seconds(20)

  private var events: [PushedEvent] = []
  private var end: String?
  private var waiting: (isWanted: @Loop (PushedEvent) -> Bool, promise: Promise<PushedEvent>)?

  func add(_ event: PushedEvent) {
    if let (isWanted, promise) = waiting, isWanted(event) {
      waiting = nil
      promise.fulfil(event)
    } else {
      events.append(event)
    }
  }

  /// Nothing will come any more.
  func finish(_ reason: String) {
    end = end ?? reason
    waiting?.promise.fail(Unexpected("the socket to stay open", got: reason))
    waiting = nil
  }

  /// The first event of this name for which `isWanted` holds; what comes before it stays. Throws `Unexpected` when none
  /// comes in time.
  func next(
    _ name: String, where isWanted: @escaping @Loop (JSONValue) -> Bool = { _ in true }
  ) async throws -> PushedEvent {
    if let index = events.firstIndex(where: { $0.name == name && isWanted($0.data) }) {
      return events.remove(at: index)
    }
    if let end { throw Unexpected(name, got: end) }
    let promise = Promise<PushedEvent>()
    waiting = ({ $0.name == name && isWanted($0.data) }, promise)
    let timer = Loop.schedule(after: Self.patience) { [weak self] in
      self?.waiting = nil
      let others = Set(self?.events.map(\.name) ?? []).sorted().joined(separator: ", ")
      promise.fail(
        Unexpected("\(name) within \(Self.patience.inSeconds)", got: others.isEmpty ? "nothing" : "only \(others)"))
    }
    defer { timer.cancel() }
    return try await promise.value
  }

  /// Takes everything of this name that has come.
  func take(_ name: String) -> [PushedEvent] {
    let found = events.filter { $0.name == name }
    events.removeAll { $0.name == name }
    return found
  }
}
