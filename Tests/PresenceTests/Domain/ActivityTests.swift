import Contract
import PresenceAPI
import Testing

@testable import Presence

/// What devices tell, step by step.
@Suite struct ActivityTests {
  /// What is expected so many seconds after noon.
  struct Case: CustomTestStringConvertible {
    let name: String
    let signals: [Signal]
    let expected: [(seconds: Int, status: PresenceStatus)]
    var testDescription: String { name }
  }

  static let cases = [
    Case(
      name: "a device without a socket follows its last activity", signals: [signal(.active, 0)],
      expected: [(0, .online), (299, .online), (300, .away), (899, .away), (900, .offline)]),
    Case(
      name: "heartbeats keep it online", signals: [signal(.active, 0), signal(.active, 200)],
      expected: [(499, .online), (500, .away), (1099, .away), (1100, .offline)]),
    Case(
      name: "in the background it is away at once, and offline after 15 minutes",
      signals: [signal(.active, 0), signal(.background, 60)],
      expected: [(60, .away), (959, .away), (960, .offline)]),
    Case(
      name: "what an app does in the background does not keep it",
      signals: [signal(.background, 0), signal(.background, 600), signal(.active, 800)],
      expected: [(800, .away), (899, .away), (900, .offline)]),
    Case(
      name: "in the foreground again it is online again",
      signals: [signal(.active, 0), signal(.background, 60), signal(.foreground, 90)], expected: [(90, .online)]),
    Case(
      name: "a socket without activity is no presence", signals: [signal(.opened, 0, .one)],
      expected: [(299, .online), (300, .away), (900, .offline), (9000, .offline)]),
    Case(
      name: "a socket that was closed lapses after 10 seconds",
      signals: [signal(.opened, 0, .one), signal(.closed, 20, .one)],
      expected: [(20, .online), (29, .online), (30, .offline)]),
    Case(
      name: "a socket that broke off lapses 41 seconds after it was last heard of",
      signals: [signal(.opened, 0, .one), signal(.lost, 20, .one)],
      expected: [(20, .online), (60, .online), (61, .offline)]),
    Case(
      name: "a client that comes back from where there was no network was not away",
      signals: [signal(.opened, 0, .one), signal(.lost, 20, .one), signal(.opened, 50, .two)],
      expected: [(61, .online), (349, .online), (350, .away)]),
    Case(
      name: "a reload does not flicker",
      signals: [signal(.opened, 0, .one), signal(.closed, 20, .one), signal(.opened, 22, .two)],
      expected: [(21, .online), (30, .online), (321, .online), (322, .away)]),
    Case(
      name: "a reload does not flicker, though the client says that it is closed",
      signals: [
        signal(.opened, 0, .one), signal(.left, 19), signal(.closed, 20, .one), signal(.left, 20),
        signal(.opened, 22, .two),
      ], expected: [(20, .online), (29, .online), (30, .online)]),
    Case(
      name: "a second tab that closes takes nobody away",
      signals: [signal(.opened, 0, .one), signal(.opened, 5, .two), signal(.left, 9), signal(.closed, 10, .two)],
      expected: [(10, .online), (20, .online), (304, .online), (305, .away)]),
    Case(
      name: "the client says that it is closed", signals: [signal(.active, 0), signal(.left, 10)],
      expected: [(10, .offline)]),
    Case(
      name: "two devices do not flip-flop: the better one counts",
      signals: [
        signal(.active, 0), signal(.active, 10, device: "laptop"), signal(.background, 20),
        signal(.active, 40, device: "laptop"),
        signal(.background, 50),
      ], expected: [(20, .online), (40, .online), (50, .online), (339, .online), (340, .away)]),
    Case(
      name: "offline only when the last device is gone",
      signals: [signal(.active, 0), signal(.active, 0, device: "laptop"), signal(.left, 5)],
      expected: [(5, .online), (300, .away)]),
    Case(
      name: "one window in the background, another in front",
      signals: [signal(.opened, 0, .one), signal(.opened, 1, .two), signal(.background, 2, .one)],
      expected: [(2, .online)]),
    Case(
      name: "both windows in the background",
      signals: [
        signal(.opened, 0, .one), signal(.opened, 1, .two), signal(.background, 2, .one), signal(.background, 3, .two),
      ],
      expected: [(3, .away)]),
    Case(
      name: "a client that names no window means all of them",
      signals: [signal(.opened, 0, .one), signal(.opened, 1, .two), signal(.background, 2)], expected: [(2, .away)]),
    Case(
      name: "activity from before the close keeps nobody",
      signals: [signal(.opened, 0, .one), signal(.closed, 20, .one), signal(.active, 19)], expected: [(30, .offline)]),
    Case(
      name: "what happens after the close is another sign of life",
      signals: [signal(.opened, 0, .one), signal(.closed, 20, .one), signal(.active, 25)],
      expected: [(30, .online), (325, .away)]),
    Case(
      name: "the close of a connection that nobody knows changes nothing",
      signals: [signal(.closed, 0, .one), signal(.active, 1), signal(.closed, 2, .one)], expected: [(20, .online)]),
  ]

  @Test(arguments: cases) func `a member is what the devices tell`(_ one: Case) {
    var activity = MemberActivity()
    for signal in one.signals { activity.note(signal) }
    for (seconds, status) in one.expected {
      #expect(activity.status(seconds) == status, "\(seconds) s")
    }
  }

  @Test(arguments: cases) func `signals that come twice change nothing`(_ one: Case) {
    var (once, twice) = (MemberActivity(), MemberActivity())
    for signal in one.signals {
      once.note(signal)
      twice.note(signal)
      twice.note(signal)
    }
    #expect(once == twice)
  }

  @Test(arguments: cases) func `between the times at which to look nothing changes`(_ one: Case) {
    var activity = MemberActivity()
    for signal in one.signals { activity.note(signal) }
    var (now, status) = (one.signals.last!.at, activity.status(at: one.signals.last!.at, times))
    while now < at(2000) {
      let steadyUntil = activity.devices.filter { $0.isSteady(at: now, times) }.map { $0.activeAt + times.attention }
        .min()
      let next = [activity.nextChange(after: now, times), steadyUntil].compactMap(\.self).min() ?? at(2000)
      #expect(next > now)
      for step in 0..<20 {
        let between = now + (next - now) * step / 20
        #expect(activity.status(at: between, times) == status)
      }
      (now, status) = (next, activity.status(at: next, times))
    }
  }

  @Test func `a dead gateway takes the devices that hung on it alone`() {
    var activity = MemberActivity(
      signal(.opened, 0, .one), signal(.opened, 0, .elsewhere, device: "laptop"), signal(.active, 0, device: "tablet"))
    #expect(activity.gateways == [gatewayOne, gatewayTwo])
    activity.lose(gatewayOne)
    #expect(activity.devices.map(\.name) == ["laptop", "tablet"])
    activity.lose(gatewayTwo)
    #expect(activity.devices.map(\.name) == ["tablet"])
    #expect(activity.lastActive == noon)
  }

  @Test func `a device with connections at two gateways outlives one`() {
    var activity = MemberActivity(signal(.opened, 0, .one), signal(.opened, 1, .elsewhere))
    activity.lose(gatewayOne)
    #expect(activity.devices.map(\.connections.count) == [1])
    #expect(activity.status(2) == .online)
  }

  @Test func `what has gone is forgotten, when the member was last active is not`() {
    var activity = MemberActivity(signal(.active, 0), signal(.opened, 0, .one, device: "laptop"))
    activity.forgetGone(at: at(900), times)
    #expect(activity.devices.map(\.name) == ["laptop"])
    activity.note(signal(.closed, 901, .one, device: "laptop"))
    activity.forgetGone(at: at(911), times)
    #expect(activity.devices.isEmpty)
    #expect(activity.lastActive == noon)
  }

  @Test func `devices and connections are bounded`() {
    var activity = MemberActivity()
    for number in 0..<100 {
      activity.note(signal(.active, number, device: "device-\(number)"))
      activity.note(
        signal(.opened, 100, Connection(gateway: gatewayOne, number: UInt32(number)), device: "device-99"))
    }
    #expect(activity.devices.count == MemberActivity.deviceLimit)
    #expect(activity.devices.allSatisfy { $0.connections.count <= Device.connectionLimit })
    #expect(activity.devices.contains { $0.name == "device-99" })
  }

  @Test func `times are scaled together`() {
    let fast = PresenceTimes(scale: 0.01)
    #expect(fast.attention == .seconds(3))
    #expect(fast.absence == .seconds(9))
    #expect(fast.reload == .milliseconds(100))
    #expect(fast.confirmation == .seconds(6))
    #expect(fast.loss == .milliseconds(410))
    #expect(fast.silence == .milliseconds(3500), "gateways go ten times as fast at most")
    #expect(PresenceTimes().silence == .seconds(35))
  }
}
