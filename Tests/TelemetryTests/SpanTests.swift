import Foundation
import Testing

@testable import Telemetry

@Suite struct SpanTests {
  /// What is written of a step, as JSON.
  private func written(
    _ trace: TraceContext?, level: Log.Level = .error, took: Duration = .milliseconds(12)
  ) throws -> [String: Any]? {
    let pipe = Pipe()
    Log(
      service: "app", replica: "1", level: level, format: .json,
      descriptor: pipe.fileHandleForWriting.fileDescriptor
    ).span(.answer, "app.add", of: trace, took: took, ["status": 200])
    try pipe.fileHandleForWriting.close()
    let data = try pipe.fileHandleForReading.readToEnd() ?? Data()
    return try JSONSerialization.jsonObject(with: data.isEmpty ? Data("[]".utf8) : data) as? [String: Any]
  }

  @Test func `a step of a sampled trace is written at any level, with when it began and what it is a part of`() throws {
    let parent = TraceContext.root(isSampled: true)
    let step = parent.child()
    let before = Date().timeIntervalSince1970 * 1_000_000
    let line = try #require(try written(step, took: .milliseconds(12)))
    #expect(line["message"] as? String == "span")
    #expect(line["trace_id"] as? String == parent.traceIDText)
    #expect(line["span_id"] as? String == hexadecimal(step.spanID))
    #expect(line["parent_id"] as? String == hexadecimal(parent.spanID))
    #expect(line["kind"] as? String == "answer")
    #expect(line["name"] as? String == "app.add")
    #expect(line["took"] as? Int == 12)
    #expect(line["status"] as? Int == 200)
    let began = try #require(line["began_us"] as? Int)
    #expect(abs(Double(began) - before + 12_000) < 10_000_000)
  }

  @Test func `a step of another trace, or of none, is not written`() throws {
    #expect(try written(.root(isSampled: false), level: .debug) == nil)
    #expect(try written(TraceContext.root(isSampled: true).unsampled, level: .debug) == nil)
    #expect(try written(nil, level: .debug) == nil)
  }

  @Test func `what is not sampled any more is still the same step`() {
    let step = TraceContext.root(isSampled: true).child()
    #expect(step.unsampled.traceparent == step.traceparent.dropLast(2) + "00")
    #expect(step.unsampled.parentID == step.parentID)
  }
}
