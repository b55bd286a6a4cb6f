import Contract
import Foundation
import Telemetry
import Testing

@testable import Operator

@Suite struct TraceTests {
  private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
  private static let other = "4bf92f35000000000000000000000001"
  private static let request = "01890a5d-ac96-774b-bcce-b302099a8057"

  private func withLogs(_ files: [String: String], _ body: (TraceLog) throws -> Void) throws {
    let folder = MeshFolder(FileManager.default.temporaryDirectory.appending(path: "mesh-\(UUID().uuidString)").path)
    defer { try? FileManager.default.removeItem(atPath: folder.path) }
    try folder.create()
    for (name, text) in files { try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder.logs)/\(name)")) }
    try body(TraceLog(folder: folder))
  }

  /// What a service writes of its steps.
  private func written(
    _ service: String, _ format: LogFormat, _ steps: (Log) -> Void
  ) throws -> String {
    let pipe = Pipe()
    steps(
      Log(
        service: service, replica: "0", level: .info, format: format,
        descriptor: pipe.fileHandleForWriting.fileDescriptor))
    try pipe.fileHandleForWriting.close()
    return String(decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
  }

  @Test(arguments: [LogFormat.pretty, .json]) func `lines are read as they are written`(_ format: LogFormat) throws {
    let trace = TraceContext.root(isSampled: true).child()
    let line = try TraceContext.$current.withValue(trace) {
      try written("notes", format) {
        $0.warning("slow", ["why": "a = \"b\"  c\\ \u{1B}", "empty": "", "n": 12, "took": Duration.milliseconds(1.5)])
      }
    }
    let record = try #require(LogRecord(line.dropLast()))
    #expect((record.level, record.origin, record.message) == (format == .json ? "warning" : "warn", "notes/0", "slow"))
    #expect(record["why"] == "a = \"b\"  c\\ \u{1B}")
    #expect((record["empty"], record["n"], record["took"]) == ("", "12", "1.5"))
    #expect(record["trace_id"] == trace.traceIDText)
    #expect(abs(Date().timeIntervalSince1970 - Double(record.time.microseconds) / 1_000_000) < 60)
  }

  @Test func `lines of other programs are none`() {
    let lines = ["", "{}", "LOG:  database system is ready", "2026-01-31 12:00:00.000 UTC [1] LOG:  x", "  at a.b(c)"]
    for line in lines { #expect(LogRecord(line[...]) == nil, "\(line)") }
  }

  @Test func `a trace is put together from all logs, in the order of time, parts below what they are a part of`() throws
  {
    let root = try #require(TraceContext(traceparent: "00-\(Self.trace)-00f067aa0ba902b7-01".utf8))
    let asking = root.child()
    let answer = asking.child()
    let gateway = try written("gateway", .pretty) {
      $0.info("serving")
      $0.span(.request, "notes.add", of: asking, took: .milliseconds(20), ["status": 201, "request": Self.request])
    }
    let notes = try written("notes", .json) { log in
      log.span(.answer, "notes.add", of: answer, took: .milliseconds(10))
      TraceContext.$current.withValue(answer) { log.warning("late") }
      log.span(.answer, "notes.add", of: .root(isSampled: true), took: .zero)
    }
    let rotated = "half a line with trace_id=\(Self.trace)"
    let files = ["gateway.0.log": gateway + rotated, "notes.0.log.1": notes, "notes.0.txt": notes]
    try withLogs(files) { log in
      #expect(try log.traces(.init(Self.trace)) == [Self.trace])
      #expect(try log.traces(.init(String(Self.trace.prefix(8)))) == [Self.trace])
      #expect(try log.traces(.init(root.traceparent)) == [Self.trace])
      #expect(try log.traces(.init(Self.request.uppercased())) == [Self.trace])
      #expect(try log.traces(.init(Self.other)) == [])
      let steps = try #require(log.steps(of: [Self.trace])[Self.trace])
      #expect(steps.map(\.origin) == ["gateway/0", "notes/0", "notes/0"])
      #expect(steps.map(\.kind) == ["request", "answer", "warning"])
      let lines = Timeline(trace: Self.trace, steps: steps).lines
      #expect(lines[0].hasPrefix("trace \(Self.trace): 3 steps in gateway, notes, "))
      #expect(lines[3].contains(/\+0\.0 ms +20\.0 ms +gateway\/0 +request notes\.add +status=201 request=01890a5d/))
      #expect(lines[4].contains(/ms +10\.0 ms +notes\/0 +answer notes\.add/))
      #expect(lines[5].contains(/ms +notes\/0 +warning late/))
      let indents = lines[3...].map { line in
        line.firstRange(of: #/(?:request|answer|warning) (?:notes|late)/#)?.lowerBound.utf16Offset(in: line) ?? 0
      }
      #expect(indents == [indents[0], indents[0] + 2, indents[0] + 4])
    }
  }

  @Test func `an id that is cut too short for one trace is said to be so`() throws {
    let steps = try [Self.trace, Self.other].map { id in
      let trace = try #require(TraceContext(traceparent: "00-\(id)-00f067aa0ba902b7-01".utf8))
      return try written("notes", .pretty) { $0.span(.timer, "notes.remind", of: trace, took: .zero) }
    }
    try withLogs(["notes.0.log": steps.joined()]) { log in
      let (short, long) = (try log.traces(.init("4BF92F35")), try log.traces(.init("4bf92f357")))
      #expect(short == [Self.other, Self.trace] && long == [Self.trace])
    }
  }

  @Test func `what is no id of anything is refused`() throws {
    for text in ["", "4bf92f3", "4bf92f3577b34da6a3ce929d0e0e4736a", "not-a-trace", Self.request + "0"] {
      #expect(throws: UsageError.self, "\(text)") { try TraceLog.Reference(text) }
    }
    #expect(throws: UsageError.self) { try Command(arguments: ["trace"]) }
    #expect(try Command(arguments: ["trace", Self.trace]) == .trace(.trace(Self.trace)))
  }
}
