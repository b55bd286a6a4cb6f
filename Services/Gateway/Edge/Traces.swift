import EventLoop
import Telemetry
import Wire

/// Says to which trace requests belong, and whether the steps of their traces are written down.
///
/// Clients ask for that with the flag `sampled` in `traceparent` (W3C Trace Context). Each step is a line in a log of some
/// service, so what strangers may ask for is bounded: so many requests a second, and of others the trace goes on without
/// being written down.
@Loop final class Traces {
  private var allowance: EventAllowance?
  private var random = BufferedRandom()

  /// At most `perSecond` requests a second; 0 for none.
  init(perSecond: Int) { allowance = perSecond > 0 ? EventAllowance(perSecond: perSecond) : nil }

  /// The step that answering a request is. The client's trace goes on; without one a new one begins.
  func trace(of head: HTTPRequestHead) -> TraceContext {
    guard let asked = Self.read(head) else { return .root(isSampled: false, using: &random) }
    return child(of: asked)
  }

  /// The trace that a client asks for to which all that it sends over a connection belongs; nil when it does not ask.
  func asked(by head: HTTPRequestHead) -> TraceContext? {
    guard let asked = Self.read(head), asked.isSampled else { return nil }
    return asked
  }

  /// The next step of a trace that a client asks for.
  func child(of asked: TraceContext) -> TraceContext {
    let child = asked.child(using: &random)
    return child.isSampled && allowance?.take(at: .now) != true ? child.unsampled : child
  }

  private static func read(_ head: HTTPRequestHead) -> TraceContext? {
    guard let traceparent = head["traceparent"] else { return nil }
    return TraceContext(traceparent: traceparent.utf8, tracestate: (head["tracestate"] ?? "").utf8)
  }
}
