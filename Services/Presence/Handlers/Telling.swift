import Contract
import EventLoop
import Mesh
import PresenceAPI
import Telemetry

/// What others may have to be told about a member.
struct News {
  let fact: PresenceFact
  let settings: MemberSettings
}

/// How others come to know.
extension PresenceService {
  /// Tells others what they do not know yet: watchers by a push, services by an event. Safe to repeat, and in any order.
  /// What was told before `confirmsBefore`, and is still so, is confirmed.
  func tell(_ news: [News], confirmsBefore: Timestamp? = nil) async throws {
    for start in stride(from: 0, to: news.count, by: Self.batch) {
      try await tell(news[start..<min(news.count, start + Self.batch)], confirmsBefore)
    }
  }

  private func tell(_ news: ArraySlice<News>, _ confirmsBefore: Timestamp?) async throws {
    let members = news.map(\.fact.member)
    let changed = try await mesh.transaction { tx in
      try await MemberStore(tx).enter(members)
      let statuses = StatusStore(tx)
      let told = try await statuses.load(members)
      var (facts, changed): ([PresenceFact], [News]) = ([], [])
      for news in news {
        let last = told[news.fact.member]
        let isOld = last.flatMap { last in confirmsBefore.map { last.at < $0 } } ?? false
        let announcement = Announcement(of: news.fact, after: last?.fact, confirms: isOld)
        guard announcement != .nothing else { continue }
        facts.append(news.fact)
        try tx.emit(announcement, news.fact)
        if news.fact.status != last?.fact.status ?? .offline { changed.append(news) }
      }
      if !facts.isEmpty { try await statuses.save(facts, now: tx.now) }
      return changed
    }
    meters.transitions.add(changed.count)
    for news in changed { try push(news) }
    try await live.told(news.map { ($0.fact.member, $0.fact.version) })
  }
}

extension PresenceService {
  /// Tells services again how it is with a member, without the time that they were told before.
  ///
  /// It is the same version of the status: what is found out about the member meanwhile must stay above it.
  func withdrawTime(of member: MemberID, _ tx: Tx) async throws {
    let statuses = StatusStore(tx)
    guard let told = try await statuses.load([member])[member]?.fact, told.lastActive != nil else { return }
    let fact = PresenceFact(member, told.standing, lastActive: nil, hidesTimes: true, version: told.version)
    try tx.emit(.changed, fact)
    try await statuses.save([fact], now: tx.now)
  }

  /// Tells those who watch and may see it.
  private func push(_ news: News) throws {
    let member = news.fact.member
    try mesh.push(
      UserStatusChange(
        of: news.settings, Sighting(status: news.fact.status, lastActive: news.fact.lastActive),
        version: news.fact.version),
      to: .presence(of: member), view: WatchPresence.fullView)
  }

  /// How a member is watched. Whoever may not see the status is treated like whoever watches somebody who is offline.
  func watch(_ request: WatchPresence, _ context: Context) async throws -> ChannelGrant {
    let (viewer, now) = (try context.member, context.now)
    guard let (settings, relation, sighting) = try await sightings(of: [request.member], by: viewer, at: now).first
    else { throw PresenceRefusal.notFound }
    let mayBeSeen = settings.privacy.shows(to: relation)
    var grant = ChannelGrant(view: mayBeSeen ? WatchPresence.fullView : WatchPresence.hiddenView)
    if relation.isSelf, !settings.isHidden(at: now) {
      grant.listing = ChannelGrant.Listing(name: settings.fullName, avatar: settings.avatar)
    }
    // Beyond every version that the watcher has seen, whatever it was told before.
    try grant.greet(
      with: UserStatusChange(
        of: settings, PresenceView(of: settings, sighting, for: relation, at: now).sighting,
        version: now.milliseconds))
    return grant
  }
}

extension Tx {
  fileprivate func emit(_ announcement: Announcement, _ fact: PresenceFact) throws {
    switch announcement {
    case .nothing: break
    case .cameOnline: try emit(CameOnline(fact))
    case .wentOffline: try emit(WentOffline(fact))
    case .changed: try emit(StatusChanged(fact))
    case .confirmed: try emit(StatusConfirmed(fact))
    }
  }
}
