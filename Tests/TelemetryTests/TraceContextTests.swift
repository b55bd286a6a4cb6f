import Testing

@testable import Telemetry

private let example = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
private let tail = "-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

@Suite struct TraceContextTests {
  @Test func `the example of the Recommendation is read and written`() throws {
    let context = try #require(TraceContext(traceparent: example.utf8))
    #expect(context.traceID == 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736)
    #expect(context.spanID == 0x00f0_67aa_0ba9_02b7)
    #expect(context.isSampled)
    #expect(context.traceparent == example)
  }

  @Test(arguments: [
    "", "00", " \(example)", "\(example) ", "\(example)-", "\(example)-00", "ff\(tail)", "0g\(tail)", "00\(tail)0",
    "01\(tail)x", "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
    "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
    "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x",
  ])
  func `a malformed header is refused`(header: String) {
    #expect(TraceContext(traceparent: header.utf8) == nil)
  }

  @Test func `later versions are read as far as they are known, and sent on as version 00`() throws {
    for header in ["cc\(tail)", "cc\(tail)-what-comes"] {
      #expect(try #require(TraceContext(traceparent: header.utf8)).traceparent == example)
    }
  }

  @Test func `flags other than sampled do not travel on`() throws {
    let context = try #require(TraceContext(traceparent: (example.dropLast(2) + "fe").utf8))
    #expect(!context.isSampled)
    #expect(context.traceparent.hasSuffix("-00"))
  }

  @Test func `a child keeps trace, sampling and state under a span id of its own`() throws {
    let parent = try #require(TraceContext(traceparent: example.utf8, tracestate: "a=1".utf8))
    let child = parent.child()
    #expect(child.traceID == parent.traceID && child.isSampled && child.state.text == "a=1")
    #expect(child.spanID != parent.spanID)
  }

  @Test func `roots are distinct, and what one writes another reads`() throws {
    let first = TraceContext.root(isSampled: true)
    let second = TraceContext.root(isSampled: false)
    #expect(first.traceID != second.traceID && first.spanID != second.spanID)
    #expect(TraceContext(traceparent: second.traceparent.utf8) == second)
  }

  @Test func `a malformed state is dropped and the trace goes on`() throws {
    let context = try #require(TraceContext(traceparent: example.utf8, tracestate: "a=1,a=2".utf8))
    #expect(context.state.text == "")
  }
}

@Suite struct TraceStateTests {
  @Test(arguments: [
    ("", ""), ("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"),
    ("a=1 , \t b=2", "a=1,b=2"), (",a=1,,", "a=1"), ("0tenant@sys=x y", "0tenant@sys=x y"),
    ("a_-*/9=!\"~", "a_-*/9=!\"~"),
  ])
  func `a well-formed state is passed on`(header: String, text: String) {
    #expect(TraceState(header.utf8)?.text == text)
  }

  @Test(arguments: [
    "a", "=1", "a=", "A=1", "0a=1", "a=1,a=2", "a=b=c", "a=é", "a b=1", "@s=1", "t@=1", "t@0s=1", "t@s@u=1",
    "t@" + String(repeating: "s", count: 15) + "=1", String(repeating: "k", count: 257) + "=1",
    "a=" + String(repeating: "v", count: 257),
  ])
  func `a malformed state is refused`(header: String) {
    #expect(TraceState(header.utf8) == nil)
  }

  @Test func `thirty-two entries are the limit`() {
    let entries = (0..<33).map { "k\($0)=v" }
    #expect(TraceState(entries.prefix(32).joined(separator: ",").utf8)?.text.split(separator: ",").count == 32)
    #expect(TraceState(entries.joined(separator: ",").utf8) == nil)
  }

  @Test func `a state over 512 characters loses its long entries first, then its last`() {
    let long = "long=" + String(repeating: "v", count: 200)
    let entries = (10..<22).map { "k\($0)=" + String(repeating: "v", count: 40) }
    let kept = TraceState(([long] + entries).joined(separator: ",").utf8)?.text
    #expect(kept == entries.prefix(11).joined(separator: ","))
  }
}
