import EventLoop

/// The channels that one process listens to, on a connection of their own.
///
/// When the connection breaks, it is made anew and everything is subscribed again; messages that were published in
/// between are lost, which the event `gap` says. A connection that is silent is probed, so that a break is noticed
/// within three times `RedisConfiguration.timeout`.
@Loop public final class RedisSubscriber {
  /// What the subscriber tells.
  public enum Event: Sendable, Equatable {
    /// A message has been published on a channel.
    case message(channel: String, payload: [UInt8])
    /// A message has been published on a channel that matches a pattern.
    case patternMessage(pattern: String, channel: String, payload: [UInt8])
    /// The connection was lost and there is a new one. Until `gap`, what comes may have a hole before it.
    case lost
    /// The connection was lost and all subscriptions stand again; earlier messages may have been missed.
    case gap
  }

  /// The kinds of subscription, by their commands.
  private enum Kind: String {
    case channel = ""
    case pattern = "p"
    case shard = "s"
  }

  private struct Name: Hashable {
    let kind: Kind
    let text: String
  }

  private enum State {
    /// Asked for, with those who wait for it.
    case pending([Promise<Void>])
    case active
  }

  /// Names in one command when everything is subscribed again.
  private static let namesPerCommand = 1000

  private let configuration: RedisConfiguration
  private let link: RedisLink
  private let handler: @Loop (Event) -> Void
  private var names: [Name: State] = [:]
  /// How often each name was asked for without an answer yet: the last answer counts.
  private var asked: [Name: Int] = [:]
  /// How many are still to be confirmed after a reconnect; nil when none was lost.
  private var missing: Set<Name>?
  private var hadConnection = false
  private var probe: LoopTimer?

  /// Prepares to subscribe; connects at the first subscription. `handler` is called for each event, in order.
  public init(_ configuration: RedisConfiguration, _ handler: @escaping @Loop (Event) -> Void) {
    (self.configuration, self.handler) = (configuration, handler)
    link = RedisLink(configuration)
    link.onOpen = { [weak self] in self?.opened($0) }
  }

  /// Ends it: the handler is not called any more.
  public func close() {
    probe?.cancel()
    link.close()
    for case .pending(let waiting) in names.values {
      for promise in waiting { promise.fail(RedisError(.unavailable, "the subscriber is closed")) }
    }
    names.removeAll()
  }

  /// Subscribes to a channel and returns when Redis has confirmed it: what is published from then on is heard.
  ///
  /// Throws `RedisError` when that takes longer than the configured time; the subscription stands all the same, and is
  /// made as soon as there is a connection.
  public func subscribe(_ channel: String) async throws { try await add(Name(kind: .channel, text: channel)) }

  /// Subscribes to all channels that match a pattern (`news.*`), as `subscribe` does.
  public func subscribe(pattern: String) async throws { try await add(Name(kind: .pattern, text: pattern)) }

  /// Subscribes to a channel of the shard (Redis 7) that this connection leads to, as `subscribe` does.
  public func subscribe(shard channel: String) async throws { try await add(Name(kind: .shard, text: channel)) }

  /// Ends the subscription to a channel. Messages that are on their way may still come.
  public func unsubscribe(_ channel: String) { remove(Name(kind: .channel, text: channel)) }

  /// Ends the subscription to a pattern.
  public func unsubscribe(pattern: String) { remove(Name(kind: .pattern, text: pattern)) }

  /// Ends the subscription to a channel of the shard.
  public func unsubscribe(shard channel: String) { remove(Name(kind: .shard, text: channel)) }

  private func add(_ name: Name) async throws {
    if case .active = names[name] { return }
    let promise = Promise<Void>()
    if case .pending(let waiting) = names[name] {
      names[name] = .pending(waiting + [promise])
    } else {
      names[name] = .pending([promise])
      if let connection = link.connection { ask(for: [name], of: name.kind, on: connection) }
    }
    link.start()
    let timer = Loop.schedule(after: configuration.timeout) {
      promise.fail(RedisError(.timeout, "the subscription to \(name.text) has not been confirmed yet"))
    }
    defer { timer.cancel() }
    try await promise.value
  }

  private func remove(_ name: Name) {
    guard let state = names.removeValue(forKey: name) else { return }
    if case .pending(let waiting) = state {
      for promise in waiting { promise.fail(RedisError(.invalid, "the subscription to \(name.text) was ended")) }
    }
    link.connection?.push("\(name.kind.rawValue)UNSUBSCRIBE \(name.text)")
    confirm(name)
  }

  private func ask(for names: some Collection<Name>, of kind: Kind, on connection: RedisConnection) {
    guard connection.isOpen else { return }
    for name in names { asked[name, default: 0] += 1 }
    connection.push("\(kind.rawValue)SUBSCRIBE \(names.map(\.text))")
  }

  private func opened(_ connection: RedisConnection) {
    connection.onPush = { [weak self] in self?.take($0) }
    asked.removeAll()
    for (name, state) in names {
      if case .active = state { names[name] = .pending([]) }
    }
    missing = hadConnection ? Set(names.keys) : nil
    if hadConnection { handler(.lost) }
    hadConnection = true
    for (kind, group) in Dictionary(grouping: names.keys, by: \.kind) {
      for start in stride(from: 0, to: group.count, by: Self.namesPerCommand) {
        ask(for: group[start..<min(group.count, start + Self.namesPerCommand)], of: kind, on: connection)
      }
    }
    if names.isEmpty { reportGap() }
    watch(connection)
  }

  /// Asks for a sign of life after a time of silence, and gives the connection up when none comes.
  private func watch(_ connection: RedisConnection, asked: ContinuousClock.Instant? = nil) {
    probe?.cancel()
    probe = Loop.schedule(after: configuration.timeout) { [weak self] in
      guard let self, connection.isOpen else { return }
      if let asked, connection.lastSign < asked { return connection.close() }
      let isSilent = connection.lastSign.duration(to: Loop.now) >= configuration.timeout
      if isSilent { connection.push("PING") }
      watch(connection, asked: isSilent ? Loop.now : nil)
    }
  }

  private func take(_ value: RedisValue) {
    // The answer to a probe while nothing is subscribed.
    if case .status = value { return }
    guard case .array(let parts) = value, case .bytes(let word)? = parts.first else {
      // An error: the user may not subscribe. The connection is of no use then.
      link.connection?.close()
      return
    }
    func text(_ index: Int) -> String {
      guard index < parts.count, case .bytes(let bytes) = parts[index] else { return "" }
      return String(decoding: bytes, as: UTF8.self)
    }
    guard case .bytes(let payload)? = parts.last else {
      switch String(decoding: word, as: UTF8.self) {
      case "subscribe": answered(Name(kind: .channel, text: text(1)))
      case "psubscribe": answered(Name(kind: .pattern, text: text(1)))
      case "ssubscribe": answered(Name(kind: .shard, text: text(1)))
      default: break
      }
      return
    }
    switch String(decoding: word, as: UTF8.self) {
    case "message", "smessage": handler(.message(channel: text(1), payload: payload))
    case "pmessage": handler(.patternMessage(pattern: text(1), channel: text(2), payload: payload))
    default: break
    }
  }

  private func answered(_ name: Name) {
    asked[name, default: 1] -= 1
    guard asked[name] == 0 else { return }
    asked[name] = nil
    confirm(name)
  }

  private func confirm(_ name: Name) {
    if case .pending(let waiting) = names[name] {
      names[name] = .active
      for promise in waiting { promise.fulfil(()) }
    }
    guard missing?.remove(name) != nil, missing?.isEmpty == true else { return }
    reportGap()
  }

  private func reportGap() {
    guard missing != nil else { return }
    missing = nil
    handler(.gap)
  }
}
