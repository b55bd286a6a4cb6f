import Contract
import Foundation
import Telemetry

/// What the logs of all services tell of traces.
struct TraceLog {
  let folder: MeshFolder

  /// Names of a trace, or of something in it, as people have them.
  enum Reference: Equatable {
    /// The trace's id, or how it begins: 8 to 32 hexadecimal digits.
    case trace(String)
    /// A request, as `X-Request-Id` and problem documents name it.
    case request(String)

    /// Reads an id, a `traceparent` or a request's id. Throws `UsageError`.
    init(_ text: String) throws(UsageError) {
      let lowercased = text.lowercased()
      if let context = TraceContext(traceparent: lowercased.utf8) {
        self = .trace(context.traceIDText)
      } else if let request = UniqueID(lowercased) {
        self = .request(request.description)
      } else if (8...32).contains(text.utf8.count), lowercased.allSatisfy(\.isHexDigit) {
        self = .trace(lowercased)
      } else {
        throw UsageError(
          "got '\(text)', expected a trace's id (8 to 32 hexadecimal digits), a traceparent or a request's id")
      }
    }
  }

  /// The ids of all traces that are meant; several when an id is cut too short.
  func traces(_ reference: Reference) -> [String] {
    switch reference {
    case .trace(let id):
      Set(records(with: [id]).compactMap { $0["trace_id"] }.filter { $0.hasPrefix(id) }).sorted()
    case .request(let id):
      Set(records(with: [id]).filter { $0["request"] == id }.compactMap { $0["trace_id"] }).sorted()
    }
  }

  /// The steps of each of these traces, in the order of time.
  func steps(of traces: [String]) -> [String: [TraceStep]] {
    var steps: [String: [TraceStep]] = [:]
    for record in records(with: traces) {
      if let trace = record["trace_id"], traces.contains(trace) { steps[trace, default: []].append(TraceStep(record)) }
    }
    return steps.mapValues { $0.sorted { ($0.began, $1.took) < ($1.began, $0.took) } }
  }

  /// Whether anything was ever logged here.
  var isEmpty: Bool { files.isEmpty }

  private var files: [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.logs)) ?? []
    // A full log is put aside as `.log.1`.
    return names.filter { $0.hasSuffix(".log") || $0.hasSuffix(".log.1") }.map { "\(folder.logs)/\($0)" }
  }

  /// The lines in which one of `words` occurs, of which none is part of another.
  private func records(with words: [String]) -> [LogRecord] {
    files.flatMap { file -> [LogRecord] in
      guard let data = try? Data(contentsOf: URL(fileURLWithPath: file), options: .alwaysMapped) else { return [] }
      return words.flatMap { Self.lines(with: Data($0.utf8), in: data) }.compactMap { LogRecord($0[...]) }
    }
  }

  private static func lines(with word: Data, in data: Data) -> [String] {
    var lines: [String] = []
    var start = data.startIndex
    while let hit = data.range(of: word, in: start..<data.endIndex) {
      let begin = data[..<hit.lowerBound].lastIndex(of: 0x0A).map { $0 + 1 } ?? data.startIndex
      // A line without an end is still being written.
      guard let end = data[hit.upperBound...].firstIndex(of: 0x0A) else { break }
      lines.append(String(decoding: data[begin..<end], as: UTF8.self))
      start = end
    }
    return lines
  }
}

/// One step of a trace, or a line that was logged in it.
struct TraceStep: Equatable {
  /// Who did it: `messaging/0`.
  let origin: String
  /// What names it within the trace, and the step that it is a part of, if that is known.
  let span: String
  let parent: String?
  /// `answer`; of a line that is no step its level.
  let kind: String
  let name: String
  /// When it began.
  let began: Timestamp
  let took: Duration
  /// What else is known of it.
  let details: [LogRecord.Field]

  /// Whether it is a step, and not just a line that was logged in one.
  let isStep: Bool

  /// The service: `messaging`.
  var service: String { String(origin.prefix { $0 != "/" }) }

  init(_ record: LogRecord) {
    isStep = record.message == Log.spanMessage && record["kind"] != nil
    origin = record.origin
    span = record["span_id"] ?? ""
    parent = isStep ? record["parent_id"] : record["span_id"]
    kind = record["kind"] ?? record.level
    name = isStep ? record["name"] ?? "" : record.message
    began =
      isStep ? record["began_us"].flatMap { Int64($0) }.map(Timestamp.init(microseconds:)) ?? record.time : record.time
    took = isStep ? .microseconds(Int64((record["took"].flatMap { Double($0) } ?? 0) * 1000)) : .zero
    let known: Set = ["trace_id", "span_id", "parent_id", "kind", "name", "began_us", "took"]
    details = record.fields.filter { !known.contains($0.name) }
  }
}
