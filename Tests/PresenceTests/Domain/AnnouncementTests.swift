import Contract
import PresenceAPI
import Testing

@testable import Presence

@Suite struct AnnouncementTests {
  private func fact(
    _ status: PresenceStatus, _ version: Int64, to audience: StatusAudience = .everyone, quiet: Bool = false
  ) -> PresenceFact {
    PresenceFact(
      member: ada, status: status, lastActive: nil, visibleTo: audience, doNotDisturb: quiet, version: version)
  }

  @Test func `others are told of changes, each once, and of nothing that is old`() {
    let rows: [(PresenceFact, PresenceFact?, Announcement)] = [
      (fact(.online, 1), nil, .cameOnline), (fact(.busy, 1), nil, .cameOnline), (fact(.offline, 1), nil, .nothing),
      (fact(.online, 2), fact(.offline, 1), .cameOnline), (fact(.away, 2), fact(.online, 1), .changed),
      (fact(.offline, 2), fact(.away, 1), .wentOffline), (fact(.online, 2), fact(.online, 1), .nothing),
      (fact(.away, 1), fact(.online, 1), .nothing), (fact(.away, 1), fact(.online, 2), .nothing),
      (fact(.online, 2, to: .contacts), fact(.online, 1), .changed),
      (fact(.offline, 2, to: .nobody), fact(.online, 1), .wentOffline),
      (fact(.offline, 2, to: .nobody), fact(.offline, 1), .changed),
      (fact(.busy, 2, quiet: true), fact(.busy, 1), .changed),
    ]
    for (new, told, expected) in rows {
      #expect(Announcement(of: new, after: told, confirms: false) == expected, "\(new) after \(told as Any)")
    }
  }

  @Test func `what is still so is confirmed, unless there is nobody to ask about`() {
    #expect(Announcement(of: fact(.online, 1), after: fact(.online, 1), confirms: true) == .confirmed)
    #expect(Announcement(of: fact(.offline, 1), after: fact(.offline, 1), confirms: true) == .nothing)
    #expect(Announcement(of: fact(.online, 1), after: fact(.online, 2), confirms: true) == .nothing)
    #expect(Announcement(of: fact(.offline, 3), after: fact(.online, 2), confirms: true) == .wentOffline)
  }

  @Test func `a fact tells no times of whom they are hidden`() {
    let open = Standing(status: .away, visibleTo: .everyone, doNotDisturb: false)
    let hidden = Standing(status: .offline, visibleTo: .nobody, doNotDisturb: false)
    #expect(PresenceFact(ada, open, lastActive: noon, hidesTimes: false, version: 1).lastActive == noon)
    #expect(PresenceFact(ada, open, lastActive: noon, hidesTimes: true, version: 1).lastActive == nil)
    #expect(PresenceFact(ada, hidden, lastActive: noon, hidesTimes: false, version: 1).lastActive == nil)
  }
}
