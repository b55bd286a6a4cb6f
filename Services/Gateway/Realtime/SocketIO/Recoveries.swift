import Contract
import Crypto
import EventLoop

/// What is needed for one client to go on where it was when its connection was lost.
@Loop final class Recovery {
  /// What the client shows (`pid`); whoever knows it, and is the member, is the client.
  let id: String
  /// How the client was named in the namespace (`sid`).
  let name: String
  let member: MemberID
  var log = DeliveryLog()
  /// The client, while it is connected.
  fileprivate(set) weak var owner: SocketIOClient?
  /// Until when it is kept without one.
  fileprivate var deadline = ContinuousClock.now

  fileprivate init(_ name: String, of member: MemberID, owner: SocketIOClient) {
    id = Base64URL.encode(randomBytes(15))
    (self.name, self.member, self.owner) = (name, member, owner)
  }
}

/// Socket.IO's connection state recovery: a client that comes back within two minutes finds its subscriptions as they were
/// and is sent what it missed of them.
///
/// What it missed comes from the channels' histories, so nothing but positions is kept here. They are kept at the gateway
/// where the client was; at another, or when a history does not reach far enough, the client begins anew and is told so
/// (`recovered` is false): then it subscribes again with the last `position` of each channel.
@Loop final class Recoveries {
  private static let time = Duration.seconds(120)
  /// Clients that may be awaited at a time; beyond, the longest gone is forgotten.
  private let limit: Int

  private var known: [String: Recovery] = [:]
  private var abandoned = FIFO<Recovery>()

  init(limit: Int = 10_000) { self.limit = limit }

  /// How many clients are connected or awaited.
  var count: Int { known.count }

  /// Begins for a client that is new.
  func begin(_ name: String, of member: MemberID, owner: SocketIOClient) -> Recovery {
    let recovery = Recovery(name, of: member, owner: owner)
    known[recovery.id] = recovery
    return recovery
  }

  /// Hands over what is known under `id` to `owner`, from the connection that had it if that was not noticed to be lost.
  func take(_ id: String, for member: MemberID, by owner: SocketIOClient) -> Recovery? {
    expire()
    guard let recovery = known[id], recovery.member == member else { return nil }
    let former = recovery.owner
    recovery.owner = owner
    former?.superseded()
    return recovery
  }

  /// The client has lost its connection, and may come back.
  func abandon(_ recovery: Recovery, by owner: SocketIOClient) {
    guard recovery.owner === owner else { return }
    recovery.owner = nil
    recovery.deadline = Loop.now + Self.time
    abandoned.append(recovery)
    expire()
  }

  /// The client will not come back.
  func end(_ recovery: Recovery) { known[recovery.id] = nil }

  private func expire() {
    while let first = abandoned.first {
      let isOver = first.owner != nil || known[first.id] == nil || first.deadline <= Loop.now
      guard isOver || abandoned.count > limit else { return }
      _ = abandoned.popFirst()
      // One that came back and was lost again waits a second time, further behind.
      if first.owner == nil, first.deadline <= Loop.now || !isOver { known[first.id] = nil }
    }
  }
}
