import Contract
import EventLoop
import Mesh
import MessagingAPI
import ProfilesAPI

/// How fast providers answer their clients.
extension MessagingService {
  /// After an answer, the metrics are worked out anew once for all that follow soon; by then it is committed.
  private static let recomputeDelay = Duration.seconds(2)

  /// A message between a client and a provider moves their clock.
  func note(_ entry: Entry, askedOf provider: MemberID, _ clock: inout ResponseClock, _ tx: Tx) {
    let side: ResponseClock.Side = entry.sender == provider ? .provider : .client
    guard let sample = clock.wrote(side, seq: entry.seq, at: entry.sentAt) else { return }
    ResponseStore.add(sample, to: entry.conversation, provider: provider, in: tx)
    answering.note(provider, at: tx.now)
  }

  /// A message was taken back that perhaps awaited an answer.
  func questionDeleted(_ entry: Entry, _ tx: Tx) async throws {
    let store = ResponseStore(tx)
    guard let (_, next) = try await store.clock(at: entry.seq, in: entry.conversation) else { return }
    var clock = ResponseClock(ResponseClock.Question(seq: entry.seq, at: entry.sentAt))
    clock.deleted(entry.seq, next: next)
    try await store.save(clock, of: entry.conversation)
  }

  /// Works out anew how fast those answer who have answered a moment ago.
  func recomputeDue() async throws {
    for provider in answering.takeDue(now: .now - Self.recomputeDelay) {
      try await mesh.transaction { tx in try await recompute(provider, tx) }
    }
  }

  /// Works out how fast a provider answers, and tells of it when that has changed.
  func recompute(_ provider: MemberID, _ tx: Tx) async throws {
    let store = ResponseStore(tx)
    guard let before = try await store.lockMetrics(of: provider) else { return }
    let (answered, waiting) = try await store.questions(to: provider, since: tx.now - ResponseSummary.window)
    let summary = ResponseSummary(
      answered: answered, waiting: waiting, quietHours: try await store.quietHours(of: provider), now: tx.now)
    try await store.save(summary, of: provider, now: tx.now)
    guard summary != before.summary else { return }
    try tx.emit(Self.change(of: provider, summary, isHidden: before.isHidden))
  }

  func responseMetrics(
    _ request: ResponseMetrics, _ context: Context, _ store: ResponseStore
  ) async throws -> ResponseMetrics.Reply {
    guard let metrics = try await store.metrics(of: request.user) else { throw ResponseMetrics.Refusal.notFound }
    let summary = metrics.summary
    let isOwner = context.caller.member == request.user
    let isShown = isOwner || !metrics.isHidden
    return ResponseMetrics.Reply(
      averageText: isShown ? summary.averageText : nil, responseRateText: isShown ? summary.rateText : nil,
      enoughData: isShown && summary.isEnough, metricsLastUpdated: isShown ? metrics.updatedAt : nil,
      hidden: isOwner ? metrics.isHidden : nil, averageMinutes: isOwner ? summary.average?.inMinutes : nil,
      medianMinutes: isOwner ? summary.median?.inMinutes : nil,
      responseRatePercent: isOwner ? summary.rate.map { $0 * 100 } : nil, samples: isOwner ? summary.samples : nil)
  }

  func hideResponseMetrics(_ request: HideResponseMetrics, _ context: Context, _ tx: Tx) async throws -> Nothing {
    let member = try context.member
    let store = ResponseStore(tx)
    guard let metrics = try await store.metrics(of: member) else { throw ResponseMetrics.Refusal.notFound }
    guard metrics.isHidden != request.hidden else { return Nothing() }
    try await store.hide(request.hidden, of: member)
    try tx.emit(Self.change(of: member, metrics.summary, isHidden: request.hidden))
    return Nothing()
  }

  private static func change(
    of provider: MemberID, _ summary: ResponseSummary, isHidden: Bool
  ) -> ResponseMetricsChanged {
    ResponseMetricsChanged(
      member: provider, responseRatePercent: summary.rate.map { $0 * 100 },
      averageMinutes: summary.average?.inMinutes, medianMinutes: summary.median?.inMinutes, samples: summary.samples,
      isHidden: isHidden)
  }

  // MARK: Who is a provider

  func appointProvider(_ request: AppointProvider, _ context: Context, _ tx: Tx) async throws -> Nothing {
    try Self.require(["operator"], context)
    let known = try await MemberStore(tx).known([request.member])
    guard known[request.member] != nil else { throw OperatorRefusal.notFound }
    try await setProvider(request.member, request.isProvider, tx)
    return Nothing()
  }

  func becameProvider(_ event: BecameProvider, _ tx: Tx) async throws { try await setProvider(event.member, true, tx) }

  func ceasedToBeProvider(_ event: CeasedToBeProvider, _ tx: Tx) async throws {
    try await setProvider(event.member, false, tx)
  }

  /// Notes who is a provider, and has what it means for conversations that there are worked out.
  private func setProvider(_ member: MemberID, _ isProvider: Bool, _ tx: Tx) async throws {
    guard try await MemberStore(tx).setProvider(member, isProvider) else { return }
    try await ResponseStore(tx).assignProviders(in: member)
    try tx.schedule(HistoryDue(provider: member), at: tx.now, key: member.description)
  }

  /// Providers that are done with one request.
  private static let recomputeBatch = 20

  func recomputeMetrics(
    _ request: RecomputeMetrics, _ context: Context, _ tx: Tx
  ) async throws -> RecomputeMetrics.Reply {
    try Self.require(["operator"], context)
    let providers = try await MemberStore(tx).providers(after: request.after, limit: Self.recomputeBatch)
    for provider in providers { try await replay(provider, tx) }
    return RecomputeMetrics.Reply(
      done: providers.count, next: providers.count == Self.recomputeBatch ? providers.last : nil)
  }

  func historyDue(_ timer: HistoryDue, _ tx: Tx) async throws { try await replay(timer.provider, tx) }

  /// Works a provider's questions and answers out anew from the messages.
  private func replay(_ provider: MemberID, _ tx: Tx) async throws {
    let store = ResponseStore(tx)
    for conversation in try await store.conversations(of: provider) {
      let history = try await store.history(
        of: conversation, provider: provider, since: tx.now - ResponseSummary.window)
      let (samples, clock) = ResponseClock.replay(history)
      try await store.replace(samples, clock, of: conversation, provider: provider)
    }
    try await recompute(provider, tx)
  }
}

extension Duration {
  /// For people.
  fileprivate var inMinutes: Double { Double(components.seconds) / 60 }
}

/// Providers who have answered a moment ago. Where this is lost, an hourly look at all providers makes up for it.
@Loop final class Answering {
  private var since: [MemberID: Timestamp] = [:]

  /// A provider has answered; perhaps, since that is not committed yet.
  func note(_ provider: MemberID, at time: Timestamp) { since[provider] = since[provider] ?? time }

  /// Those who have done so until a time, each once.
  func takeDue(now: Timestamp) -> [MemberID] {
    let due = since.filter { $0.value <= now }.map(\.key)
    for provider in due { since[provider] = nil }
    return due
  }
}
