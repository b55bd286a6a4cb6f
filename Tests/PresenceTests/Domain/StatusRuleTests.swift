import Contract
import PresenceAPI
import Testing

@testable import Presence

/// What members set, and what that makes of what their devices tell.
@Suite struct StatusRuleTests {
  typealias Row = (choice: PresenceStatus?, online: PresenceStatus, away: PresenceStatus, offline: PresenceStatus)

  /// What becomes of each automatic status, by choice.
  static let rows: [Row] = [
    (nil, .online, .away, .offline),
    (.online, .online, .away, .offline),
    (.away, .online, .away, .away),
    (.busy, .busy, .busy, .busy),
    (.offline, .offline, .offline, .offline),
  ]

  private let activity = MemberActivity(signal(.active, 0))

  private func settings(_ choice: PresenceStatus?, until: Timestamp? = nil) -> MemberSettings {
    var settings = MemberSettings(ada)
    settings.choice = choice.map { StatusChoice(status: $0, until: until, madeAt: noon) }
    return settings
  }

  @Test(arguments: rows.indices) func `a choice overrides what is automatic`(_ row: Int) {
    let row = Self.rows[row]
    let settings = settings(row.choice)
    #expect(rule.status(of: activity, settings, at: at(0)) == row.online)
    #expect(rule.status(of: activity, settings, at: at(300)) == row.away)
    #expect(rule.status(of: activity, settings, at: at(900)) == row.offline)
    #expect(rule.status(of: MemberActivity(), settings, at: at(0)) == row.offline)
  }

  @Test(arguments: rows.indices) func `a choice that is over overrides nothing`(_ row: Int) {
    let settings = settings(Self.rows[row].choice, until: at(10))
    #expect(rule.status(of: activity, settings, at: at(9)) == Self.rows[row].online)
    #expect(rule.status(of: activity, settings, at: at(10)) == .online)
  }

  @Test(arguments: rows.indices) func `whoever is in as many sessions as they take is busy, or appears offline`(
    _ row: Int
  ) throws {
    var settings = settings(Self.rows[row].choice)
    settings.availability = Availability(maxConcurrentSessions: try SessionLimit(2))
    settings.activeSessions = 1
    #expect(rule.status(of: activity, settings, at: noon) == Self.rows[row].online)
    settings.activeSessions = 2
    #expect(rule.status(of: activity, settings, at: noon) == (Self.rows[row].choice == .offline ? .offline : .busy))
  }

  @Test(arguments: rows.indices) func `in quiet hours nobody is online`(_ row: Int) {
    var settings = settings(Self.rows[row].choice)
    settings.availability = Availability(
      quietHours: QuietHours(start: TimeOfDay("11:00")!, end: TimeOfDay("12:01")!, timezone: "UTC"))
    let online = Self.rows[row].online
    #expect(rule.status(of: activity, settings, at: at(0)) == (online == .online ? .away : online))
    #expect(rule.status(of: activity, settings, at: at(300)) == Self.rows[row].away)
    #expect(rule.status(of: activity, settings, at: at(900)) == Self.rows[row].offline)
    #expect(rule.status(of: activity, settings, at: at(60)) == online)
    #expect(rule.nextLook(at: activity, settings, after: noon) == at(60))
  }

  @Test func `who appears offline has done nothing since`() {
    var activity = MemberActivity(signal(.active, -100))
    activity.note(signal(.active, 50))
    #expect(rule.lastActive(of: activity, settings(.offline), at: at(60)) == noon)
    #expect(rule.lastActive(of: activity, settings(.busy), at: at(60)) == at(50))
    #expect(rule.lastActive(of: MemberActivity(signal(.active, -100)), settings(.offline), at: at(60)) == at(-100))
  }

  @Test func `others are told nothing of whom nobody may see`() {
    var settings = settings(.busy)
    settings.choice?.doNotDisturb = true
    for audience in StatusAudience.allCases {
      settings.privacy.showOnlineStatus = audience
      #expect(
        rule.standing(of: activity, settings, at: noon)
          == Standing(status: audience == .nobody ? .offline : .busy, visibleTo: audience, doNotDisturb: true))
      #expect(settings.isHidden(at: noon) == (audience == .nobody))
    }
    settings.privacy.showOnlineStatus = .everyone
    settings.choice = StatusChoice(status: .offline, until: at(10), madeAt: noon)
    #expect(settings.isHidden(at: at(9)))
    #expect(!settings.isHidden(at: at(10)))
  }

  @Test func `steady devices need no look, others do`() {
    let none = settings(nil)
    #expect(rule.nextLook(at: activity, none, after: noon) == nil)
    #expect(rule.nextLook(at: activity, none, after: at(300)) == at(900))
    #expect(rule.nextLook(at: MemberActivity(signal(.background, 0)), none, after: at(1)) == at(900))
    #expect(
      rule.nextLook(at: MemberActivity(signal(.opened, 0, .one), signal(.closed, 5, .one)), none, after: at(6))
        == at(15))
    #expect(rule.nextLook(at: MemberActivity(), none, after: noon) == nil)
  }

  @Test func `a change keeps what it does not name`() throws {
    var settings = MemberSettings(ada)
    settings.apply(
      ChooseStatus(
        status: .busy, until: .set(at(60)), message: .set(try StatusMessage("Teaching")), doNotDisturb: true), now: noon
    )
    #expect(settings.choice == StatusChoice(status: .busy, until: at(60), madeAt: noon, doNotDisturb: true))
    #expect(settings.customStatus == CustomStatus(message: try StatusMessage("Teaching"), emoji: nil, until: at(60)))
    settings.apply(ChooseStatus(emoji: .set(try StatusEmoji("📚"))), now: at(1))
    #expect(settings.choice?.until == at(60))
    #expect(
      settings.customStatus
        == CustomStatus(message: try StatusMessage("Teaching"), emoji: try StatusEmoji("📚"), until: nil))
    settings.apply(ChooseStatus(until: .set(at(90))), now: at(2))
    #expect([settings.choice?.until, settings.customStatus?.until] == [at(90), at(90)])
    settings.apply(ChooseStatus(until: .clear), now: at(2))
    #expect([settings.choice?.until, settings.customStatus?.until] == [nil, nil])
    settings.apply(ChooseStatus(message: .clear), now: at(3))
    #expect(settings.customStatus == CustomStatus(message: nil, emoji: try StatusEmoji("📚"), until: nil))
    settings.apply(ChooseStatus(status: .online, emoji: .clear), now: at(4))
    #expect(settings.choice == nil)
    #expect(settings.customStatus == nil)
  }

  @Test func `what was said until some time is not said any more`() throws {
    var settings = MemberSettings(ada)
    settings.customStatus = CustomStatus(message: try StatusMessage("Lunch"), emoji: nil, until: at(10))
    #expect(settings.customStatus(at: at(9)) == settings.customStatus)
    #expect(settings.customStatus(at: at(10)) == nil)
  }
}
