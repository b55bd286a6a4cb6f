import Contract
import PresenceAPI
import Testing

@testable import Presence

@Suite struct LiveRecordTests {
  private let full = LiveRecord(
    activity: MemberActivity(
      devices: [
        Device(
          name: "phone", appState: .background, activeAt: at(1),
          connections: [
            .init(connection: .one, appState: .foreground), .init(connection: .elsewhere, appState: .background),
          ], end: nil),
        Device(
          name: "a:b/c-", appState: .foreground, activeAt: at(2), connections: [], end: .init(at: at(3), isLoss: false)),
        Device(
          name: "tablet", appState: .foreground, activeAt: at(2), connections: [], end: .init(at: at(3), isLoss: true)),
      ], lastActive: at(4), leftAt: at(5)),
    standing: Standing(status: .busy, visibleTo: .contacts, doNotDisturb: true), version: 1_763_625_600_123)

  @Test func `a record is read as it was written`() {
    for record in [full, LiveRecord()] { #expect(LiveRecord(record.text) == record) }
    #expect(
      full.text == """
        1763625600123 busy contacts d 1772452804000 1772452805000
        phone b 1772452801000 - \(gatewayOne):1:f \(gatewayTwo):1:b
        a:b/c- f 1772452802000 1772452803000
        tablet f 1772452802000 ~1772452803000
        """)
  }

  @Test func `what another version wrote is not read`() {
    for text in [
      "", "x", "1 online everyone -", "x online everyone - - -", "1 - - - - -\nphone", "1 - - - - -\nphone f 1 - y",
    ] {
      #expect(LiveRecord(text) == nil, "\(text)")
    }
  }

  @Test func `what was seen within the millisecond before the client left brings nobody back`() throws {
    let (seen, left) = (at(5) + .microseconds(300), at(5) + .microseconds(700))
    func signal(_ kind: Signal.Kind, at time: Timestamp) -> Signal {
      Signal(member: ada, device: "phone", kind: kind, connection: nil, at: time)
    }
    var record = LiveRecord(activity: MemberActivity(signal(.active, at: at(0)), signal(.left, at: left)))
    record = try #require(LiveRecord(record.text))
    record.activity.note(signal(.active, at: seen))
    #expect(record.activity.devices.isEmpty)
  }
}
