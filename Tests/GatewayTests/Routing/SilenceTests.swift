import Testing

@testable import Gateway

@Suite struct SilenceTests {
  private func asked(_ silence: inout Silence, at times: [Duration]) -> [Bool] { times.map { silence.mayAsk(now: $0) } }

  /// Lets time run out on some questions at once.
  private func timeOut(_ silence: inout Silence, _ count: Int, at time: Duration = .seconds(15)) {
    for _ in 0..<count { silence.timedOut(now: time, after: .seconds(15)) }
  }

  @Test func `after three unanswered questions in a row only one a second is asked`() {
    var silence = Silence()
    timeOut(&silence, 2)
    #expect(asked(&silence, at: [.seconds(16), .seconds(16)]) == [true, true])
    timeOut(&silence, 1)
    let times: [Duration] = [.seconds(17), .milliseconds(17_999), .seconds(18), .seconds(18)]
    #expect(asked(&silence, at: times) == [true, false, true, false])
  }

  @Test func `one answer is enough to be believed again`() {
    var silence = Silence()
    timeOut(&silence, 10)
    #expect(asked(&silence, at: [.seconds(15), .seconds(15)]) == [true, false])
    silence.answered(now: .seconds(15))
    #expect(asked(&silence, at: [.seconds(15), .seconds(15)]) == [true, true])
  }

  @Test func `a service that answers others while some wait is there`() {
    var silence = Silence()
    silence.answered(now: .seconds(10))
    timeOut(&silence, 10, at: .seconds(24))
    #expect(asked(&silence, at: [.seconds(24), .seconds(24)]) == [true, true])
    timeOut(&silence, 10, at: .seconds(25))
    #expect(asked(&silence, at: [.seconds(25), .seconds(25)]) == [true, false])
  }
}
