import Contract
import PresenceAPI
import Testing

@testable import Presence

/// Who sees what.
@Suite struct ViewingTests {
  private let sighting = Sighting(status: .busy, lastActive: at(-120))

  private func settings(_ audience: StatusAudience, hidesTimes: Bool = false) throws -> MemberSettings {
    var settings = MemberSettings(ada)
    settings.privacy = Privacy(showOnlineStatus: audience, hideExactTimes: hidesTimes)
    settings.customStatus = CustomStatus(message: try StatusMessage("Teaching"), emoji: nil, until: nil)
    return settings
  }

  @Test(arguments: [
    (StatusAudience.everyone, Viewer(), true), (.everyone, Viewer(isContact: true), true),
    (.everyone, Viewer(isBlocked: true), false), (.contacts, Viewer(), false),
    (.contacts, Viewer(isContact: true), true),
    (.contacts, Viewer(isContact: true, isBlocked: true), false), (.nobody, Viewer(isContact: true), false),
    (.nobody, Viewer(isSelf: true), true), (.contacts, Viewer(isSelf: true), true),
  ]) func `privacy decides who sees the status`(_ audience: StatusAudience, _ viewer: Viewer, _ isShown: Bool) throws {
    let view = PresenceView(of: try settings(audience), sighting, for: viewer, at: noon)
    if isShown {
      #expect(
        view
          == PresenceView(
            userId: ada, status: .busy, lastActive: at(-120), lastActiveText: "Last active 2m ago",
            customStatus: CustomStatus(message: try StatusMessage("Teaching"), emoji: nil, until: nil)))
    } else {
      #expect(
        view == PresenceView(of: MemberSettings(ada), .none, for: Viewer(), at: noon),
        "it looks like somebody who was never there")
      #expect(view.lastActiveText == "Offline")
    }
  }

  @Test func `exact times can be hidden from others`() throws {
    let settings = try settings(.everyone, hidesTimes: true)
    let view = PresenceView(of: settings, sighting, for: Viewer(), at: noon)
    #expect(view.lastActive == nil)
    #expect(view.lastActiveText == "Last active recently")
    #expect(PresenceView(of: settings, sighting, for: Viewer(isSelf: true), at: noon).lastActive == at(-120))
  }

  @Test(arguments: [
    (0, "Last active just now", "recently"), (59, "Last active just now", "recently"),
    (60, "Last active 1m ago", "recently"), (300, "Last active 5m ago", "recently"),
    (3599, "Last active 59m ago", "recently"), (3600, "Last active 1h ago", "recently"),
    (7200, "Last active 2h ago", "recently"), (86_399, "Last active 23h ago", "recently"),
    (86_400, "Last active yesterday", "recently"), (172_799, "Last active yesterday", "recently"),
    (172_800, "Last active on 28 February 2026", "recently"),
    (3 * 86_400, "Last active on 27 February 2026", "this week"),
    (7 * 86_400, "Last active on 23 February 2026", "this month"),
    (400 * 86_400, "Last active on 26 January 2025", "long ago"), (-5, "Last active just now", "recently"),
  ]) func `last activity is told in words`(_ seconds: Int, _ exact: String, _ rough: String) {
    let sighting = Sighting(status: .offline, lastActive: at(-seconds))
    #expect(LastActiveText.text(sighting, isRough: false, at: noon) == exact)
    #expect(LastActiveText.text(sighting, isRough: true, at: noon) == "Last active \(rough)")
  }

  @Test func `whoever is online is active now, and whoever never was is offline`() {
    #expect(
      LastActiveText.text(Sighting(status: .online, lastActive: at(-200)), isRough: false, at: noon) == "Active now")
    #expect(LastActiveText.text(.none, isRough: false, at: noon) == "Offline")
  }
}
