import Contract
import EventLoop
import Redis
import Telemetry

/// The channels that clients of this process listen to, and the way from Redis to them.
///
/// **Overview.** A channel is heard in Redis from the first subscription here until a while after the last. What is heard
/// goes to all subscribers at once, put into bytes once for each dialect. `Subscribing` brings a subscription into being.
///
/// **Guarantees.** Subscribers are told a channel's kept events in order, each once. When the connection to Redis was
/// lost, or something is heard out of turn, the history is read from where subscribers are; where it reaches no more they
/// are told that they have missed something. While Redis is away nothing is lost and nothing comes: the pump waits too.
///
/// **Bounds.** A channel costs what its subscriptions cost; nothing of the history is kept here.
@Loop final class Hub {
  /// How long a channel is heard after its last subscriber has gone.
  private static let patience = Duration.seconds(10)
  /// How long other gateways have to enter their members again after Redis has lost them.
  private static let rosterPatience = Duration.seconds(12)
  /// Histories read at a time after a gap.
  private static let catchUps = 256
  /// Where gateways hear that a channel's grants are to be asked for again.
  private static let rechecks = "rt:rechecks"

  let store: ChannelStore
  let rosters: RosterStore
  let seats: Seats
  private let log: Log
  let metrics: RealtimeMetrics
  private var ears: RedisSubscriber!
  private(set) var feeds: [Channel: ChannelFeed] = [:]
  /// Members whom nobody may see.
  private(set) var hidden: Set<MemberID> = []
  private var sweeper: LoopTimer?
  private var mail: (topic: String, take: @Loop ([UInt8]) -> Void)?
  private var isClosed = false

  /// Called when the grants of a channel are to be asked for again; nil for all channels.
  var recheck: @Loop (Channel?) -> Void = { _ in }
  /// Called when Redis has forgotten this gateway, and so perhaps all that was there.
  var wasForgotten: @Loop () -> Void = {}

  init(
    _ configuration: RedisConfiguration, _ redis: RedisClient, _ seal: ChannelSeal, gateway: UInt64, log: Log,
    metrics: RealtimeMetrics
  ) {
    (self.log, self.metrics) = (log, metrics)
    store = ChannelStore(redis, seal)
    rosters = RosterStore(redis, seal, gateway: gateway)
    seats = Seats(rosters, log: log)
    ears = RedisSubscriber(configuration) { [unowned self] in hear($0) }
    seats.wasForgotten = { [unowned self] in
      relistLater()
      wasForgotten()
    }
  }

  /// Begins: hears of rechecks, and of what comes under `topic` for this gateway alone.
  func start(mail topic: String, _ take: @escaping @Loop ([UInt8]) -> Void) {
    mail = (topic, take)
    for topic in [Self.rechecks, topic] { Loop.task { await self.listen(to: topic) { !self.isClosed } } }
    seats.start()
    sweep()
  }

  /// Hears and tells nothing any more.
  func close() {
    isClosed = true
    sweeper?.cancel()
    seats.close()
    ears.close()
  }

  /// Tells all gateways to ask again about `channel`. Throws `RedisError`.
  func announceRecheck(_ channel: Channel) async throws {
    try await store.redis.send("PUBLISH \(Self.rechecks) \(channel.description)")
  }

  // MARK: Channels

  /// The channel as it is followed here, from now on if it was not.
  func feed(of channel: Channel) -> ChannelFeed {
    if let feed = feeds[channel] { return feed }
    let feed = ChannelFeed(channel)
    feeds[channel] = feed
    metrics.channels.set(feeds.count)
    feed.opening = Loop.task {
      await self.listen(to: ChannelStore.topic(of: channel)) { !feed.isClosed }
      // A task that is over keeps its memory as long as anybody has it: 3 KB.
      feed.opening = nil
    }
    return feed
  }

  /// Subscribes in Redis, however long that takes, as long as it is wanted.
  private func listen(to topic: String, while isWanted: @Loop () -> Bool) async {
    var backoff = Backoff()
    while isWanted() {
      do {
        return try await ears.subscribe(topic)
      } catch {
        log.limited().warning("a channel cannot be heard yet", ["error": "\(error)"])
        try? await Loop.sleep(for: backoff.next())
      }
    }
  }

  private func sweep() {
    sweep(idleFor: Self.patience)
    sweeper = Loop.schedule(after: Self.patience / 2) { [weak self] in self?.sweep() }
  }

  /// Lets go of channels that nobody has listened to for a while.
  func sweep(idleFor patience: Duration) {
    for (channel, feed) in feeds {
      guard let since = feed.idleSince, since.duration(to: Loop.now) >= patience else { continue }
      feed.isClosed = true
      feeds[channel] = nil
      ears.unsubscribe(ChannelStore.topic(of: channel))
    }
    metrics.channels.set(feeds.count)
  }

  // MARK: Hearing

  private func hear(_ event: RedisSubscriber.Event) {
    switch event {
    case .message(let topic, let payload):
      if let channel = ChannelStore.channel(of: topic) {
        if let feed = feeds[channel] { hear(payload, on: feed) }
      } else if topic == Self.rechecks {
        if let channel = Channel(String(decoding: payload, as: UTF8.self)) { recheck(channel) }
      } else if topic == mail?.topic {
        mail?.take(payload)
      }
    case .patternMessage: break
    case .lost: for feed in feeds.values { feed.head.doubt() }
    case .gap: mend()
    }
  }

  /// Takes what was published on a channel: a mark that says what it is, a space, and the sealed message.
  private func hear(_ payload: [UInt8], on feed: ChannelFeed) {
    guard let space = payload.firstIndex(of: UInt8(ascii: " ")) else { return }
    let mark = payload[..<space]
    guard let message = store.seal.open(payload[(space + 1)...], of: feed.channel) else {
      return log.limited().warning("a message of a channel does not open", ["channel": feed.channel])
    }
    switch message {
    case .event(let event):
      guard mark.first != UInt8(ascii: "-") else { return tell(Delivery(feed.channel, event), on: feed) }
      guard let position = Position(mark) else { return }
      switch feed.head.hear(position) {
      case .next: tell(Delivery(feed.channel, event, at: position), on: feed)
      case .known: break
      case .beyond: if feed.hasBeenRead { catchUp(feed) }
      }
    case .memberAdded(let member, let listing): hear(.added(member, listing), mark, on: feed)
    case .memberRemoved(let member): hear(.removed(member), mark, on: feed)
    }
  }

  private func tell(_ delivery: Delivery, on feed: ChannelFeed) {
    if case .event(_, _, let sender?) = delivery.content, feed.channel.kind == .presence, hidden.contains(sender) {
      return
    }
    let began = delivery.trace.map { _ in ContinuousClock.now }
    let told = feed.tell(delivery)
    metrics.deliveries.add(told)
    if let began { note(delivery, told: told, since: began) }
  }

  /// Writes down that sockets were told something that belongs to a sampled trace.
  func note(_ delivery: Delivery, told: Int, since began: ContinuousClock.Instant, isFromHistory: Bool = false) {
    log.span(
      .socket, delivery.name, of: delivery.trace?.child(), took: .now - began,
      ["channel": delivery.channel, "told": told, "from_history": isFromHistory])
  }

  // MARK: History

  /// Reads on in the history from where subscribers are, until it is caught up with. Returns at once if that is under way.
  @discardableResult
  func catchUp(_ feed: ChannelFeed) -> Task<Void, Never> {
    if let reading = feed.reading { return reading }
    let task = Loop.task { [self] in
      var backoff = Backoff()
      while feed.head.isBehind, !feed.isClosed, !isClosed {
        do {
          try await readOn(feed)
        } catch {
          log.limited().warning("a history cannot be read yet", ["error": "\(error)"])
          try? await Loop.sleep(for: backoff.next())
        }
      }
      feed.reading = nil
    }
    feed.reading = task
    return task
  }

  private func readOn(_ feed: ChannelFeed) async throws {
    let before = feed.head.position
    let history = try await store.read(feed.channel, after: before, keeps: feed.channel.kind != .open)
    let hasMissed = feed.head.catchUp(to: history.head, first: history.entries.first?.offset)
    if hasMissed {
      metrics.missed.add(1)
      // What the history still has is told behind it.
      let place = history.entries.first.map { Position(epoch: history.head.epoch, offset: $0.offset - 1) }
      feed.tell(Delivery(feed.channel, .missed(place ?? history.head)))
    }
    guard before != nil else { return }
    for delivery in deliveries(of: history, on: feed.channel) { tell(delivery, on: feed) }
  }

  /// What the history has behind `position`, as soon as Redis says; nil when nobody listens any more.
  func history(of feed: ChannelFeed, after position: Position) async -> ChannelStore.History? {
    var backoff = Backoff()
    while !feed.isClosed, !isClosed {
      do {
        return try await store.read(feed.channel, after: position, keeps: feed.channel.kind != .open)
      } catch {
        log.limited().warning("a history cannot be read yet", ["error": "\(error)"])
        try? await Loop.sleep(for: backoff.next())
      }
    }
    return nil
  }

  /// The events of a history, opened.
  func deliveries(of history: ChannelStore.History, on channel: Channel) -> [Delivery] {
    history.entries.compactMap { entry in
      guard case .event(let event)? = store.seal.open(entry.sealed, of: channel) else { return nil }
      return Delivery(channel, event, at: Position(epoch: history.head.epoch, offset: entry.offset))
    }
  }

  /// The connection to Redis was lost: looks after everything that may have been said meanwhile.
  private func mend() {
    log.info("Redis is back; reading what was missed", ["channels": feeds.count])
    let behind = feeds.values.filter(\.hasBeenRead)
    Loop.task { [self] in
      for start in stride(from: 0, to: behind.count, by: Self.catchUps) {
        let part = behind[start..<min(behind.count, start + Self.catchUps)].map { catchUp($0) }
        for task in part { await task.value }
      }
    }
    recheck(nil)
    relistLater()
  }

  // MARK: Lists of members

  private func hear(_ change: Roster.Change, _ mark: ArraySlice<UInt8>, on feed: ChannelFeed) {
    guard mark.first == UInt8(ascii: "@"), let version = UInt64(String(decoding: mark.dropFirst(), as: UTF8.self))
    else {
      return
    }
    // A list that nobody has asked for need not be kept.
    guard feed.roster.version != nil else { return }
    if let changes = feed.roster.take(change, version: version) {
      announce(changes, on: feed)
    } else {
      list(feed)
    }
  }

  private func announce(_ changes: [Roster.Change], on feed: ChannelFeed) {
    for change in changes {
      switch change {
      case .added(let member, let listing):
        if !hidden.contains(member) { feed.tell(Delivery(feed.channel, .memberAdded(member, listing))) }
      case .removed(let member):
        if !hidden.contains(member) { feed.tell(Delivery(feed.channel, .memberRemoved(member))) }
      }
    }
  }

  /// Reads the list of members, and tells by what it differs. Whoever asks while it is being read waits for another
  /// reading, which is one for all of them.
  @discardableResult
  func list(_ feed: ChannelFeed) -> Task<Void, Never> {
    feed.wantsList = true
    if let listing = feed.listing { return listing }
    let task = Loop.task { [self] in
      var backoff = Backoff()
      while feed.wantsList, !feed.isClosed, !isClosed {
        feed.wantsList = false
        do {
          let (members, version) = try await rosters.list(feed.channel)
          announce(feed.roster.replace(members, version: version), on: feed)
        } catch {
          feed.wantsList = true
          log.limited().warning("a list of members cannot be read yet", ["error": "\(error)"])
          try? await Loop.sleep(for: backoff.next())
        }
      }
      feed.listing = nil
    }
    feed.listing = task
    return task
  }

  /// Reads all lists again, when the other gateways have had time to enter their members again.
  private func relistLater() {
    Loop.schedule(after: Self.rosterPatience) { [weak self] in
      guard let self, !isClosed else { return }
      for feed in feeds.values where feed.roster.version != nil { list(feed) }
    }
  }

  /// From now on nobody may see that `member` is there, or everybody may again.
  func setHidden(_ isHidden: Bool, _ member: MemberID) {
    guard isHidden != hidden.contains(member) else { return }
    if isHidden { hidden.insert(member) } else { hidden.remove(member) }
    for feed in feeds.values where feed.channel.kind == .presence {
      if let listing = feed.roster.listing(of: member) {
        let content = isHidden ? Delivery.Content.memberRemoved(member) : .memberAdded(member, listing)
        feed.tell(Delivery(feed.channel, content))
      }
      guard let own = feed.subscriptions.first(where: { $0.session.member == member && $0.isSeated }) else { continue }
      seats.show(isHidden ? nil : own.grant?.listing, for: Seat(channel: feed.channel, member: member))
    }
  }
}
