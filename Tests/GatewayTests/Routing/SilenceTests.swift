import Testing

@testable import Gateway

@Suite struct SilenceTests {
  private func asked(_ silence: inout Silence, at times: [Duration]) -> [Bool] { times.map { silence.mayAsk(now: $0) } }

  @Test func `after three unanswered questions in a row only one a second is asked`() {
    var silence = Silence()
    for _ in 0..<2 { silence.timedOut() }
    #expect(asked(&silence, at: [.seconds(1), .seconds(1)]) == [true, true])
    silence.timedOut()
    let times: [Duration] = [.seconds(2), .milliseconds(2999), .seconds(3), .seconds(3)]
    #expect(asked(&silence, at: times) == [true, false, true, false])
  }

  @Test func `one answer is enough to be believed again`() {
    var silence = Silence()
    for _ in 0..<10 { silence.timedOut() }
    #expect(asked(&silence, at: [.zero, .zero]) == [true, false])
    silence.answered()
    #expect(asked(&silence, at: [.zero, .zero]) == [true, true])
  }
}
