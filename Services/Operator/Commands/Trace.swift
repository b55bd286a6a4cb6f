import EventLoop

extension Command {
  /// Shows what all services did in one trace.
  @Loop func showTrace(_ folder: MeshFolder, _ reference: TraceLog.Reference) throws -> CInt {
    let log = TraceLog(folder: folder)
    guard !log.isEmpty else { throw Failure.notRunning }
    let traces = log.traces(reference)
    guard let trace = traces.first else {
      throw Failure(
        "no log tells of this trace",
        advice: """
          Steps are logged of requests that ask for it, with a header such as
            traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
          and for as long as their logs are kept (16 to 32 MiB of each service).
          """)
    }
    guard traces.count == 1 else {
      throw Failure("\(traces.count) traces begin so", advice: traces.prefix(10).joined(separator: "\n"))
    }
    Timeline(trace: trace, steps: log.steps(of: [trace])[trace] ?? []).lines.forEach { Console.say($0) }
    return ExitCode.done
  }
}
