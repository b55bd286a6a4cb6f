/// What one step of a trace was.
public enum SpanKind: String, CaseIterable, Sendable {
  /// The gateway took a client's request, and answered it.
  case request
  /// A service answered a question.
  case answer
  /// A service handled an event of another one.
  case event
  /// A timer fired.
  case timer
  /// A gateway carried a push to where all gateways hear it.
  case push
  /// A gateway dealt with clients' sockets: told them something, subscribed them, or took what they sent.
  case socket
}

extension Log {
  /// The message of the lines that `span` writes.
  public static let spanMessage = "span"

  /// Writes down a step of a trace that has just ended, if the trace is sampled: one line, whatever the level, since
  /// somebody has asked for it. `mesh trace` puts the lines of all services together. A trace that is not sampled costs a
  /// comparison.
  ///
  /// - Parameters:
  ///   - name: what was done, as the contract calls it. No value that a member typed belongs into it.
  ///   - trace: the step itself.
  ///   - took: how long it took.
  @inlinable
  public func span(
    _ kind: SpanKind, _ name: @autoclosure () -> String, of trace: TraceContext?, took: @autoclosure () -> Duration,
    _ fields: @autoclosure () -> Fields = [:]
  ) {
    if let trace, trace.isSampled { write(kind, name(), of: trace, took: took(), fields()) }
  }

  @usableFromInline
  func write(_ kind: SpanKind, _ name: String, of trace: TraceContext, took: Duration, _ fields: Fields) {
    let began = (wallClockNanoseconds() - took.nanosecondsClamped) / 1_000
    sink?.write(.info) { line in
      line.append(message: Self.spanMessage)
      line.append(trace)
      if let parent = trace.parentID { line.append(field: "parent_id", hexadecimal(parent)) }
      line.append(field: "kind", kind.rawValue)
      line.append(field: "name", name)
      line.append(field: "began_us", began)
      line.append(field: "took", took)
      line.bytes += bound
      for (name, value) in fields { line.append(field: name, value) }
    }
  }
}
