import Contract
import EventLoop
import Redis

/// One channel, as this process follows it for the clients that are connected here.
///
/// **Order.** A subscription is added before its owner is asked and before the history is read; what comes meanwhile
/// waits in it. So it is told, without gap or repetition: events of the history behind its place, the owner's greetings,
/// what has waited, and then everything as it comes.
@Loop final class ChannelFeed {
  /// Events that may wait for a subscription that is being made.
  private static let waitingLimit = 256

  let channel: Channel
  private(set) var subscriptions: [Subscription] = []
  var head = ChannelHead()
  /// The members in the channel's list; only of presence channels.
  var roster = Roster()
  /// Until Redis has confirmed that this process hears the channel; nil from then on.
  var opening: Task<Void, Never>?
  /// While the history is being read.
  var reading: Task<Void, Never>?
  /// While the list of members is being read.
  var listing: Task<Void, Never>?
  /// Whether it is to be read, or read again.
  var wantsList = false
  /// Since when nobody listens.
  private(set) var idleSince: ContinuousClock.Instant? = Loop.now
  var isClosed = false

  init(_ channel: Channel) { self.channel = channel }

  /// Whether a subscriber was ever let in, so that the history was looked at.
  var hasBeenRead: Bool { head.position != nil }

  func add(_ subscription: Subscription) {
    subscription.index = subscriptions.count
    subscriptions.append(subscription)
    idleSince = nil
  }

  func remove(_ subscription: Subscription) {
    guard !subscription.isOver else { return }
    subscription.isOver = true
    subscription.waiting = nil
    let last = subscriptions.removeLast()
    if last !== subscription {
      subscriptions[subscription.index] = last
      last.index = subscription.index
    }
    if subscriptions.isEmpty { idleSince = Loop.now }
  }

  /// Tells all subscribers whom it concerns. Returns how many were told at once.
  @discardableResult
  func tell(_ delivery: Delivery) -> Int {
    var told = 0
    // Backwards: a subscriber that is closed in between is replaced by the last one, which was told already.
    for index in subscriptions.indices.reversed() {
      if index < subscriptions.count, Self.tell(delivery, subscriptions[index]) { told += 1 }
    }
    return told
  }

  private static func tell(_ delivery: Delivery, _ subscription: Subscription) -> Bool {
    if let origin = delivery.origin, origin == subscription.session.id { return false }
    if delivery.isAbout(subscription.session.member) { return false }
    guard subscription.waiting == nil else {
      subscription.hold(delivery, limit: waitingLimit)
      return false
    }
    guard delivery.view == nil || delivery.view == subscription.grant?.view else { return false }
    if let position = delivery.position {
      guard subscription.isNew(position) else { return false }
    }
    subscription.session.subscriber?.deliver(delivery)
    return true
  }
}

extension Subscription {
  /// Whether the client was not told of the event at `position` yet. From then on it counts as told.
  fileprivate func isNew(_ position: Position) -> Bool {
    if let seen, seen.epoch == position.epoch, seen.offset >= position.offset { return false }
    seen = position
    return true
  }

  /// Keeps what comes before the subscription is made. Changes of the list of members are in the list by then.
  fileprivate func hold(_ delivery: Delivery, limit: Int) {
    guard case .event = delivery.content else { return }
    if waiting?.count ?? 0 < limit { waiting?.append(delivery) } else { hasOverflowed = true }
  }

  /// Begins to tell the client: first `missed` if that is so, then the events of the history, the greetings, what has
  /// waited. Returns what of the history it was told.
  func activate(after position: Position?, missed: Delivery?, history: [Delivery]) -> [Delivery] {
    let held = waiting ?? []
    waiting = nil
    seen = position
    let subscriber = session.subscriber
    if let missed { subscriber?.deliver(missed) }
    let read = history.filter(concerns)
    for delivery in read { subscriber?.deliver(delivery) }
    greet()
    for delivery in held where concerns(delivery) { subscriber?.deliver(delivery) }
    return read
  }

  /// Tells this client alone what the owner gave it.
  func greet() {
    for greeting in grant?.greetings ?? [] {
      let content = Delivery.Content.event(name: greeting.name, data: Array(greeting.data.utf8), sender: nil)
      session.subscriber?.deliver(Delivery(channel, content))
    }
  }

  private func concerns(_ delivery: Delivery) -> Bool {
    guard !isOver, delivery.view == nil || delivery.view == grant?.view else { return false }
    return delivery.position.map { isNew($0) } ?? true
  }
}
