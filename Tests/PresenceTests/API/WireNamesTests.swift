import Contract
import PresenceAPI
import ServiceKit
import Testing

/// What clients and other services rely on: a line here is never changed, only added.
@Suite struct WireNamesTests {
  @Test func `endpoints keep their names, places and fields`() throws {
    let lines = [
      try line(PresenceOf.self), try line(StatusOf.self), try line(PresenceQuery.self), try line(WhoIsOnline.self),
      try line(PresenceCounts.self), try line(ChooseStatus.self), try line(PrivacySettings.self),
      try line(ChangePrivacy.self), try line(ProviderSettings.self), try line(ChangeProviderSettings.self),
      try line(Heartbeat.self),
    ]
    #expect(
      lines == [
        "presence.of | GET /api/v1/users/presence/{userId} member standard | userId | 200",
        "presence.status-of | GET /api/v1/user/{userId}/status member standard | userId | 200",
        "presence.query | POST /api/v1/users/presence/query member standard | userIds | 200",
        "presence.who-is-online | GET /api/v1/users/presence/online member costly | role? limit? cursor? | 200",
        "presence.counts | GET /api/v1/users/presence/counts member costly | role? | 200",
        "presence.choose-status | PATCH /api/v1/users/presence/status member standard | status? until? message? emoji? doNotDisturb? | 200",
        "presence.privacy-settings | GET /api/v1/users/presence/settings member standard |  | 200",
        "presence.change-privacy | PATCH /api/v1/users/presence/settings member standard | showOnlineStatus? hideExactTimes? | 200",
        "presence.provider-settings | GET /api/v1/me/provider-settings member standard |  | 200",
        "presence.change-provider-settings | PUT /api/v1/me/provider-settings member standard | maxConcurrentSessions acceptsOnline acceptsInPerson quietHours? | 200",
        "presence.heartbeat | POST /api/v1/user/presence member standard | deviceId status? appState? accessToken? | 204",
      ])
  }

  @Test func `replies keep the fields that clients read`() throws {
    #expect(try fields(of: PresenceView.self) == "userId status lastActive? lastActiveText customStatus?")
    #expect(try fields(of: CustomStatus.self) == "message? emoji? until?")
    #expect(try fields(of: QuietHours.self) == "start end timezone")
    #expect(try fields(of: UserStatusChange.self) == "userId status lastActive? version user")
    #expect(try fields(of: UserStatusChange.User.self) == "id firstName? lastName? avatar?")
  }

  @Test func `events keep their names and fields`() throws {
    #expect(
      [CameOnline.name, WentOffline.name, StatusChanged.name, StatusConfirmed.name]
        == [
          "presence.came-online", "presence.went-offline", "presence.status-changed", "presence.status-confirmed",
        ])
    let shape = "member status lastActive? visibleTo doNotDisturb version"
    #expect(try fields(of: CameOnline.self) == shape)
    #expect(try fields(of: StatusConfirmed.self) == shape)
    #expect(HiddenMember.topic == "presence.hidden")
  }
}
