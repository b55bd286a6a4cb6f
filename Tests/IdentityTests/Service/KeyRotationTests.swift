import Contract
import EventLoop
import IdentityAPI
import Mesh
import Postgres
import ServiceKit
import TestKit
import Testing

@testable import Identity

@Suite(.timeLimit(.minutes(3))) struct KeyRotationTests {
  @Test @Loop func `while two replicas change keys, every token is one that gateways accept at once`() async throws {
    let world = try await IdentityWorld(replicas: 2, settings: ["KEY_PERIOD=4s", "KEY_LEAD=2s"])
    let ada = try await world.register("ada@example.org")
    _ = try await ada.caller(world)
    var refreshToken = ada.refreshToken
    var kids: Set<Substring> = []
    let end = ContinuousClock.now + .seconds(11)
    while ContinuousClock.now < end {
      let tokens = try await world.ask(Refresh(refreshToken: refreshToken)).get()
      refreshToken = tokens.refreshToken
      #expect(throws: Never.self) { try world.caller(holding: tokens.accessToken) }
      kids.insert(tokens.accessToken.prefix { $0 != "." })
      try await Loop.sleep(for: .milliseconds(50))
    }
    #expect(kids.count >= 3)
    // The first key is still there, for tokens that it signed.
    #expect(throws: Never.self) { try world.caller(holding: ada.accessToken) }
    let stored = try await world.database.query("select id from signing_keys").decode(String.self)
    #expect(Set(stored) == Set(world.keys.values.keys))
    try await world.end()
  }
}
