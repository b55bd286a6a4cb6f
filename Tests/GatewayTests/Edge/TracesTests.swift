import EventLoop
import Telemetry
import Testing
import Wire

@testable import Gateway

@Suite struct TracesTests {
  private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"

  private func head(_ flags: String?) throws -> HTTPRequestHead {
    let header = flags.map { "traceparent: 00-\(Self.trace)-00f067aa0ba902b7-\($0)\r\n" } ?? ""
    var machine = HTTPRequestMachine()
    let bytes = Array("GET / HTTP/1.1\r\nHost: x\r\n\(header)\r\n".utf8)
    return try #require(
      try bytes.withUnsafeBytes { bytes in
        var input = bytes
        while let event = try machine.next(&input) { if case .head(let head) = event { return head } }
        return nil
      })
  }

  @Test @Loop func `a client's trace goes on, and without one a new one begins`() throws {
    let traces = Traces(perSecond: 10)
    let asked = traces.trace(of: try head("01"))
    #expect(asked.traceIDText == Self.trace)
    #expect((asked.isSampled, asked.parentID) == (true, 0x00f0_67aa_0ba9_02b7))
    #expect(traces.trace(of: try head("00")).isSampled == false)
    #expect(traces.trace(of: try head("00")).traceIDText == Self.trace)
    let own = traces.trace(of: try head(nil))
    #expect(own.traceIDText != Self.trace && !own.isSampled)
  }

  @Test @Loop func `of what clients ask for so much is written down and no more`() throws {
    let traces = Traces(perSecond: 5)
    let head = try head("01")
    let sampled = (0..<1000).count { _ in traces.trace(of: head).isSampled }
    // Five at once, and others as time goes by.
    #expect((5..<500).contains(sampled))
    #expect(!Traces(perSecond: 0).trace(of: head).isSampled)
  }

  @Test @Loop func `what a client sends over a socket belongs to the trace that it has asked for`() throws {
    let traces = Traces(perSecond: 1)
    let asked = try #require(traces.asked(by: try head("01")))
    let step = traces.child(of: asked)
    #expect((step.traceIDText, step.parentID, step.isSampled) == (Self.trace, asked.spanID, true))
    #expect(!traces.child(of: asked).isSampled)
    #expect(traces.asked(by: try head("00")) == nil)
    #expect(traces.asked(by: try head(nil)) == nil)
  }
}
