import Contract
import EventLoop
import Telemetry

/// What a client is told when its subscription stands. What it is told next follows `position`.
struct Subscribed {
  let position: Position
  /// How the others see this client; nil when they do not.
  let listing: ChannelGrant.Listing?
  /// Of a presence channel, those who are there, this client included if it is seen.
  let members: [(member: MemberID, listing: ChannelGrant.Listing)]
}

/// How a subscription comes into being, and ends.
extension Realtime {
  /// Subscribes `session` to `channel`, with what it missed since `position`. `completion` is called once, before the
  /// subscriber is told anything of the channel.
  func subscribe(
    _ session: Session, to channel: Channel, after position: Position? = nil,
    _ completion: @escaping @Loop (Result<Subscribed, RealtimeRefusal>) -> Void
  ) {
    let refusal: RealtimeRefusal? =
      if session.isClosed {
        .unknownSocket
      } else if session.subscriptions[channel] != nil {
        .alreadySubscribed
      } else if session.subscriptions.count >= options.subscriptions {
        .tooManySubscriptions
      } else {
        nil
      }
    if let refusal { return completion(.failure(refusal)) }
    let subscription = Subscription(session, to: channel)
    let feed = hub.feed(of: channel)
    session.subscriptions[channel] = subscription
    feed.add(subscription)
    metrics.subscriptions.add(1)
    Loop.task { [self] in
      do throws(RealtimeRefusal) {
        try await step("subscribe", on: channel, of: session) { () async throws(RealtimeRefusal) in
          try await make(subscription, on: feed, after: position) { completion(.success($0)) }
        }
      } catch {
        metrics.refused.add(1)
        if !subscription.isOver { session.subscriptions[channel] = nil }
        end(subscription)
        completion(.failure(error))
      }
    }
  }

  private func make(
    _ subscription: Subscription, on feed: ChannelFeed, after position: Position?,
    _ completion: @Loop (Subscribed) -> Void
  ) async throws(RealtimeRefusal) {
    let session = subscription.session
    // First the channel is heard, then its owner asked: so what the owner says of how things stand is not too old.
    await feed.opening?.value
    try subscription.check()
    let grant = try await admission.grant(session.signedIn, on: feed.channel) { !subscription.isOver }
    try subscription.check()
    subscription.grant = grant
    if feed.head.isBehind { await hub.catchUp(feed).value }
    if feed.channel.kind == .presence { await enter(subscription, feed) }
    try subscription.check()
    guard let head = feed.head.position else { throw .unavailable }
    var start = head
    var history: [Delivery] = []
    var missed = subscription.hasOverflowed
    if let position, position != head {
      let read = await hub.history(of: feed, after: position)
      try subscription.check()
      guard let read else { throw .unavailable }
      missed = missed || ChannelHead.isGap(from: position, to: read.head, first: read.entries.first?.offset)
      start = missed ? read.head : position
      if !missed { history = hub.deliveries(of: read, on: feed.channel) }
    }
    // The owner may have changed its mind meanwhile.
    let current = subscription.grant ?? grant
    completion(Subscribed(position: start, listing: current.listing, members: members(of: feed, for: subscription)))
    let told = subscription.activate(
      after: position == nil ? nil : start, missed: missed ? Delivery(feed.channel, .missed(start)) : nil,
      history: history)
    for delivery in told where delivery.trace != nil { hub.note(delivery, told: 1, since: .now, isFromHistory: true) }
  }

  /// Takes a seat, and reads who else is there. Whoever is told that a subscription stands is in the list from then on.
  private func enter(_ subscription: Subscription, _ feed: ChannelFeed) async {
    sit(subscription)
    if subscription.isSeated, let member = subscription.session.member {
      await hub.seats.settle(Seat(channel: feed.channel, member: member))
    }
    await hub.list(feed).value
  }

  private func members(
    of feed: ChannelFeed, for subscription: Subscription
  ) -> [(member: MemberID, listing: ChannelGrant.Listing)] {
    var members = feed.roster.shown(without: hub.hidden)
    if let member = subscription.session.member {
      members.removeAll { $0.member == member }
      if let listing = subscription.grant?.listing { members.append((member, listing)) }
    }
    return members
  }

  /// Ends a subscription as its client asks. Returns whether there was one.
  @discardableResult
  func unsubscribe(_ session: Session, from channel: Channel) -> Bool {
    guard let subscription = session.subscriptions.removeValue(forKey: channel) else { return false }
    end(subscription)
    return true
  }

  func end(_ subscription: Subscription) {
    guard !subscription.isOver else { return }
    stand(subscription)
    hub.feeds[subscription.channel]?.remove(subscription)
    metrics.subscriptions.add(-1)
  }

  // MARK: The list of members

  private func sit(_ subscription: Subscription) {
    guard !subscription.isOver, !subscription.isSeated, subscription.channel.kind == .presence,
      let member = subscription.session.member, let listing = subscription.grant?.listing
    else { return }
    subscription.isSeated = true
    hub.seats.sit(
      Seat(channel: subscription.channel, member: member), listing, isHidden: hub.hidden.contains(member))
  }

  private func stand(_ subscription: Subscription) {
    guard subscription.isSeated, let member = subscription.session.member else { return }
    subscription.isSeated = false
    hub.seats.stand(Seat(channel: subscription.channel, member: member))
  }

  // MARK: Asking again

  /// One member's grant on one channel, to be asked for again.
  struct Recheck {
    let channel: Channel
    let signedIn: SignedIn
  }

  private static var rechecksAtOnce: Int { 64 }

  /// Asks again about everybody who listens to `channel`; nil for all channels.
  func recheck(_ channel: Channel?) {
    if let channel { admission.forget(channel) } else { admission.forgetAll() }
    let feeds = channel.map { hub.feeds[$0].map { [$0] } ?? [] } ?? Array(hub.feeds.values)
    for feed in feeds {
      var known: Set<MemberID> = []
      for subscription in feed.subscriptions where subscription.grant != nil {
        guard let signedIn = subscription.session.signedIn, known.insert(signedIn.member).inserted else { continue }
        rechecks.append(Recheck(channel: feed.channel, signedIn: signedIn))
      }
    }
    askAgain()
  }

  private func askAgain() {
    while rechecksUnderWay < Self.rechecksAtOnce, let next = rechecks.popFirst() {
      rechecksUnderWay += 1
      Loop.task { [self] in
        do throws(RealtimeRefusal) {
          let grant = try await admission.grant(next.signedIn, on: next.channel)
          forEach(next) { self.renew($0, grant) }
        } catch {
          if error.status < 500 {
            forEach(next) { self.expel($0, error) }
          } else if !isDraining {
            // Until the owner answers, everything stays as it is.
            Loop.schedule(after: .seconds(2)) { [weak self] in
              self?.rechecks.append(next)
              self?.askAgain()
            }
          }
        }
        rechecksUnderWay -= 1
        askAgain()
      }
    }
  }

  private func forEach(_ recheck: Recheck, _ body: (Subscription) -> Void) {
    let concerned = hub.feeds[recheck.channel]?.subscriptions.filter { subscription in
      subscription.grant != nil && subscription.session.member == recheck.signedIn.member
    }
    for subscription in concerned ?? [] { body(subscription) }
  }

  private func renew(_ subscription: Subscription, _ grant: ChannelGrant) {
    let before = subscription.grant
    subscription.grant = grant
    guard subscription.isActive || subscription.isSeated else { return }
    if before?.listing != grant.listing {
      if let listing = grant.listing, let member = subscription.session.member, subscription.isSeated {
        if !hub.hidden.contains(member) {
          hub.seats.show(listing, for: Seat(channel: subscription.channel, member: member))
        }
      } else {
        stand(subscription)
        sit(subscription)
      }
    }
    if subscription.isActive, before?.view != grant.view { subscription.greet() }
  }

  private func expel(_ subscription: Subscription, _ refusal: RealtimeRefusal) {
    subscription.session.subscriptions[subscription.channel] = nil
    let wasActive = subscription.isActive
    end(subscription)
    if wasActive { subscription.session.subscriber?.expelled(from: subscription.channel, refusal) }
  }
}

extension Subscription {
  /// Whether the client was told that it is subscribed.
  var isActive: Bool { waiting == nil && !isOver }

  /// Throws when it is not wanted any more.
  fileprivate func check() throws(RealtimeRefusal) { if isOver { throw .unsubscribed } }
}

extension RealtimeRefusal {
  static let alreadySubscribed = RealtimeRefusal(
    409, "already_subscribed", "You are subscribed to this channel already.")
  static let tooManySubscriptions = RealtimeRefusal(
    429, "too_many_subscriptions", "This connection listens to too many channels.")
  static let unsubscribed = RealtimeRefusal(409, "unsubscribed", "The subscription was ended before it stood.")
}
