import Testing

@testable import Operator

@Suite struct RestartPolicyTests {
  @Test func `the first death is repaired at once, later ones after doubling pauses up to ten seconds`() {
    var policy = RestartPolicy()
    let pauses = (0..<9).map { _ in policy.pause(after: .seconds(1)) }
    let expected: [Duration] = [
      .zero, .milliseconds(250), .milliseconds(500), .seconds(1), .seconds(2), .seconds(4), .seconds(8), .seconds(10),
      .seconds(10),
    ]
    #expect(pauses == expected)
  }

  @Test func `a process that lived for a minute is taken for sound again`() {
    var policy = RestartPolicy()
    for _ in 0..<5 { _ = policy.pause(after: .milliseconds(3)) }
    #expect(policy.pause(after: .seconds(59)) == .seconds(4))
    #expect(policy.pause(after: .seconds(60)) == .zero)
    #expect(policy.pause(after: .seconds(1)) == .milliseconds(250))
  }
}
