import Contract
import PresenceAPI

@testable import Presence

/// A moment to count from.
let noon = Timestamp("2026-03-02T12:00:00Z")!
let ada = MemberID("01900000-0000-7000-8000-00000000000a")!
let bob = MemberID("01900000-0000-7000-8000-00000000000b")!
let times = PresenceTimes()
let rule = StatusRule(times: times)
let gatewayOne = UniqueID("01900000-0000-7000-8000-0000000000a1")!
let gatewayTwo = UniqueID("01900000-0000-7000-8000-0000000000a2")!

/// So many seconds after noon.
func at(_ seconds: Int) -> Timestamp { noon + .seconds(seconds) }

/// Something that happens so many seconds after noon.
func signal(
  _ kind: Signal.Kind, _ seconds: Int, _ connection: Connection? = nil, device: String = "phone",
  of member: MemberID = ada
) -> Signal {
  Signal(member: member, device: device, kind: kind, connection: connection, at: at(seconds))
}

extension Connection {
  static let one = Connection(gateway: gatewayOne, number: 1)
  static let two = Connection(gateway: gatewayOne, number: 2)
  static let elsewhere = Connection(gateway: gatewayTwo, number: 1)
}

extension MemberActivity {
  init(_ first: Signal, _ more: Signal...) {
    self.init()
    for signal in [first] + more { note(signal) }
  }

  /// The status so many seconds after noon.
  func status(_ seconds: Int) -> PresenceStatus { status(at: noon + .seconds(seconds), times) }
}
