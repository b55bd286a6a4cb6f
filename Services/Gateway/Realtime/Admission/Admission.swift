import Contract
import EventLoop
import Mesh
import Telemetry

/// Asks the services that own channels who may subscribe to them, and what subscribers are given.
///
/// A grant without greetings, and a refusal, hold for 30 s, or until the owner has the channel checked again; greetings
/// say how things stand, so they are asked for each time. An answer that was on its way when a recheck came counts for
/// nothing: the owner is asked once more.
///
/// **Bounds.** When thousands of clients come back at once, so many questions are under way as owners answer in time, and
/// the others wait for their turn; a question's time begins with it.
@Loop final class Admission {
  private static let memory = Duration.seconds(30)
  private static let capacity = 50_000
  private static let deadline = Duration.seconds(5)
  /// Questions under way at a time.
  private static let atOnce = 128
  /// Questions that may wait for their turn.
  private static let waitingLimit = 20_000

  private struct Known {
    let outcome: Result<ChannelGrant, RealtimeRefusal>
    let until: ContinuousClock.Instant
  }

  /// Questions about one channel that are under way.
  private final class Asking {
    var count = 0
    var isStale = false
  }

  private let ask: Edge.Ask
  private var known: [Channel: [MemberID: Known]] = [:]
  private var knownCount = 0
  private var asking: [Channel: Asking] = [:]
  private var underWay = 0
  private var waiting = FIFO<Promise<Void>>()
  /// Who decides about which channels.
  var endpoints = SocketEndpoints() { didSet { forgetAll() } }

  init(ask: @escaping Edge.Ask) { self.ask = ask }

  /// What `signedIn` is given on `channel`. Nobody is asked for whom it is not wanted any more when its turn has come.
  ///
  /// Throws the refusal: 401 for who is not signed in, 403 and 404 as the owner says, 503 when it does not answer.
  func grant(
    _ signedIn: SignedIn?, on channel: Channel, while isWanted: @Loop () -> Bool = { true }
  ) async throws(RealtimeRefusal) -> ChannelGrant {
    let owner = endpoints.owner(of: channel)
    if owner == nil, channel.kind == .open { return ChannelGrant() }
    guard let signedIn else { throw .notSignedIn }
    guard let owner else { return try unowned(channel, signedIn) }
    for _ in 0..<3 {
      if let known = recall(channel, signedIn.member) { return try known.get() }
      let pending = asking[channel] ?? Asking()
      asking[channel] = pending
      pending.count += 1
      let outcome = await inTurn(while: isWanted) { await self.question(owner.endpoint, owner.path, signedIn) }
      pending.count -= 1
      if pending.count == 0, asking[channel] === pending { asking[channel] = nil }
      guard isWanted() else { throw .unsubscribed }
      if pending.isStale { continue }
      remember(outcome, channel, signedIn.member)
      return try outcome.get()
    }
    throw .unavailable
  }

  /// Where no service claims it, each member has a channel of their own, and there are no others.
  private func unowned(_ channel: Channel, _ signedIn: SignedIn) throws(RealtimeRefusal) -> ChannelGrant {
    if channel == .user(signedIn.member) { return ChannelGrant() }
    throw channel.description.hasPrefix("private-user-") ? .notAllowed : .unknownChannel
  }

  /// The owner has to be asked again about everybody on `channel`.
  func forget(_ channel: Channel) {
    asking.removeValue(forKey: channel)?.isStale = true
    knownCount -= known.removeValue(forKey: channel)?.count ?? 0
  }

  /// All owners have to be asked again.
  func forgetAll() {
    for pending in asking.values { pending.isStale = true }
    (asking, known, knownCount) = ([:], [:], 0)
  }

  // MARK: Asking

  /// Asks when fewer than `atOnce` others do.
  private func inTurn(
    while isWanted: @Loop () -> Bool, _ ask: @Loop () async -> Result<ChannelGrant, RealtimeRefusal>
  ) async -> Result<ChannelGrant, RealtimeRefusal> {
    if underWay >= Self.atOnce {
      guard waiting.count < Self.waitingLimit else { return .failure(.unavailable) }
      let turn = Promise<Void>()
      waiting.append(turn)
      // Whoever was before hands over its place. Cancelled or not, it is waited for.
      try? await turn.value
    } else {
      underWay += 1
    }
    defer { if let next = waiting.popFirst() { next.fulfil(()) } else { underWay -= 1 } }
    return isWanted() ? await ask() : .failure(.unsubscribed)
  }

  private func question(
    _ endpoint: EndpointRecord, _ path: PathValues, _ signedIn: SignedIn
  ) async -> Result<ChannelGrant, RealtimeRefusal> {
    do throws(RealtimeRefusal) {
      let answer = try await answer(endpoint, path, signedIn, body: [], within: Self.deadline)
      guard let grant = try? FieldDecoding.decode(ChannelGrant.self, from: answer.body) else { throw .unavailable }
      return .success(grant)
    } catch {
      return .failure(error)
    }
  }

  /// What the service behind `endpoint` says to a member. Throws its refusal, or that it does not answer.
  func answer(
    _ endpoint: EndpointRecord, _ path: PathValues, _ signedIn: SignedIn, body: [UInt8], within limit: Duration
  ) async throws(RealtimeRefusal) -> Answer {
    let passport = Passport(
      endpoint: endpoint.name, request: UniqueID(at: .now), deadline: .now + limit, caller: signedIn.caller, path: path)
    let key: [UInt8]? =
      switch endpoint.key {
      case .path(let name): path[name].map { Array($0.utf8) }
      case .member: Array(signedIn.member.description.utf8)
      case .request: nil
      }
    let question = Question(
      passport, body: body, key: key,
      hedgeAfter: endpoint.mayBeHedged && endpoint.effect == .read ? .milliseconds(300) : nil,
      trace: .current)
    let result = await withCheckedContinuation { continuation in
      ask(question) { continuation.resume(returning: $0) }
    }
    guard case .success(let answer) = result else { throw .unavailable }
    switch answer.kind {
    case .reply: return answer
    case .problem:
      guard let problem = try? FieldDecoding.decode(Problem.self, from: answer.body) else { throw .unavailable }
      throw RealtimeRefusal(problem.status, problem.code, problem.detail)
    case .unknownEndpoint, .failure: throw .unavailable
    }
  }

  // MARK: Memory

  private func recall(_ channel: Channel, _ member: MemberID) -> Result<ChannelGrant, RealtimeRefusal>? {
    guard let entry = known[channel]?[member] else { return nil }
    guard entry.until > Loop.now else {
      known[channel]?[member] = nil
      knownCount -= 1
      return nil
    }
    return entry.outcome
  }

  private func remember(_ outcome: Result<ChannelGrant, RealtimeRefusal>, _ channel: Channel, _ member: MemberID) {
    switch outcome {
    case .success(let grant) where !grant.greetings.isEmpty: return
    case .failure(let refusal) where refusal.status >= 500: return
    default: break
    }
    if knownCount >= Self.capacity { (known, knownCount) = ([:], 0) }
    let isNew =
      known[channel, default: [:]].updateValue(
        Known(outcome: outcome, until: Loop.now + Self.memory), forKey: member) == nil
    if isNew { knownCount += 1 }
  }
}

extension RealtimeRefusal {
  static let notSignedIn = RealtimeRefusal(401, "not_signed_in", "Sign in to subscribe to this channel.")
  static let notAllowed = RealtimeRefusal(403, "forbidden", "This channel is not for you.")
  static let unknownChannel = RealtimeRefusal(404, "unknown_channel", "There is no channel of this name.")
  static let unavailable = RealtimeRefusal(
    503, "unavailable", "Whoever decides about this does not answer at the moment; try again.")
}
