import Contract
import EventLoop
import Mesh
import PresenceAPI

/// Something that a member has set may have changed the status.
struct LookDue: DurableTimer {
  static let name = "look-due"
  let member: MemberID
}

/// A choice ends by itself.
struct ChoiceOver: DurableTimer {
  static let name = "choice-over"
  let member: MemberID
}

/// What members set about themselves.
extension PresenceService {
  func chooseStatus(_ request: ChooseStatus, _ context: Context, _ tx: Tx) async throws -> PresenceView {
    try request.check(now: tx.now)
    let old = try await MemberStore(tx).load(context.member)
    var new = old
    new.apply(request, now: tx.now)
    try await save(new, over: old, tx)
    if let until = new.choice?.until {
      try tx.schedule(ChoiceOver(member: new.member), at: until, key: new.member.description)
    } else {
      tx.cancel(ChoiceOver.self, key: new.member.description)
    }
    let activity = await live.activity(of: [new.member])?[new.member]?.activity ?? MemberActivity()
    return PresenceView(
      of: new, rule.sighting(of: activity, new, earlier: nil, at: tx.now), for: Viewer(isSelf: true), at: tx.now)
  }

  /// Safe to repeat; while Redis cannot be used, it waits.
  func lookDue(_ timer: LookDue, _ tx: Tx) async throws {
    do {
      try await update([timer.member: Happening(looks: true)])
    } catch {
      guard LiveStore.isOutage(error) else { throw error }
      try tx.schedule(timer, at: tx.now + .seconds(2), key: timer.member.description)
    }
  }

  func choiceOver(_ timer: ChoiceOver, _ tx: Tx) async throws {
    let old = try await MemberStore(tx).load(timer.member)
    guard old.choice(at: tx.now) == nil else { return }
    var new = old
    new.choice = nil
    try await save(new, over: old, tx)
  }

  func changePrivacy(_ request: ChangePrivacy, _ context: Context, _ tx: Tx) async throws -> Privacy {
    let old = try await MemberStore(tx).load(context.member)
    var new = old
    new.privacy.showOnlineStatus = request.showOnlineStatus ?? old.privacy.showOnlineStatus
    new.privacy.hideExactTimes = request.hideExactTimes ?? old.privacy.hideExactTimes
    try await save(new, over: old, tx)
    if new.privacy.hideExactTimes, !old.privacy.hideExactTimes { try await withdrawTime(of: new.member, tx) }
    return new.privacy
  }

  func changeProviderSettings(
    _ request: ChangeProviderSettings, _ context: Context, _ tx: Tx
  ) async throws -> Availability {
    try request.check()
    let old = try await MemberStore(tx).load(context.member)
    try await MemberStore(tx).save(request.availability, of: old.member)
    if request.quietHours != old.availability?.quietHours {
      try tx.emit(QuietHoursChanged(member: old.member, quietHours: request.quietHours))
    }
    try look(at: old.member, tx)
    return request.availability
  }

  /// Stores what a member has set, and has others told what it comes to.
  private func save(_ new: MemberSettings, over old: MemberSettings, _ tx: Tx) async throws {
    try await MemberStore(tx).save(new)
    let key = new.member.description
    let wasHidden = old.choice?.status == .offline || old.privacy.showOnlineStatus == .nobody
    let isHidden = new.isHidden(at: tx.now)
    if isHidden {
      try tx.share(HiddenMember(), key: key)
    } else if wasHidden {
      tx.withdraw(HiddenMember.self, key: key)
    }
    if new.privacy != old.privacy || isHidden != wasHidden { tx.recheck(.presence(of: new.member)) }
    try look(at: new.member, tx)
  }

  /// The live state is looked at after the commit, however often it takes.
  private func look(at member: MemberID, _ tx: Tx) throws {
    try tx.schedule(LookDue(member: member), at: tx.now, key: member.description)
  }
}

extension ChooseStatus {
  /// A choice that holds for longer is no passing one.
  private static let longest = Duration.seconds(366 * 86_400)

  /// Refuses what contradicts itself.
  fileprivate func check(now: Timestamp) throws {
    var errors: [Problem.Field] = []
    if let until = until.value, until <= now || until > now + Self.longest {
      errors.append(.init(pointer: "/until", code: "range", detail: "must lie in the next 366 days"))
    }
    if doNotDisturb == true, status != .busy {
      errors.append(.init(pointer: "/doNotDisturb", code: "conflict", detail: "comes with the status busy only"))
    }
    try Problem.refuse(errors)
  }
}

extension ChangeProviderSettings {
  /// Refuses places that do not exist, and hours that are none.
  fileprivate func check() throws {
    guard let quietHours else { return }
    var errors: [Problem.Field] = []
    if !QuietTime.isPlace(quietHours.timezone) {
      errors.append(
        .init(
          pointer: "/quietHours/timezone", code: "timezone",
          detail: "must be a name of the time zone database such as Europe/Berlin"))
    }
    if quietHours.start == quietHours.end {
      errors.append(.init(pointer: "/quietHours/end", code: "empty", detail: "must not be the start"))
    }
    try Problem.refuse(errors)
  }
}

extension Problem {
  /// Throws if any field is wrong.
  fileprivate static func refuse(_ errors: [Field]) throws {
    guard errors.isEmpty else {
      throw Problem(422, "invalid_fields", "Some fields are not as they must be; see errors.", errors: errors)
    }
  }
}
