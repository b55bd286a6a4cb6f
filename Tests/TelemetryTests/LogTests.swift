import Foundation
import Testing

@testable import Telemetry

/// A log into a pipe, and what came out of it.
private func lines(
  level: Log.Level = .debug, format: LogFormat = .json, replica: String? = nil, _ body: (Log) throws -> Void
) throws -> [String] {
  let pipe = Pipe()
  try body(
    Log(
      service: "app", replica: replica, level: level, format: format,
      descriptor: pipe.fileHandleForWriting.fileDescriptor))
  try pipe.fileHandleForWriting.close()
  let data = try pipe.fileHandleForReading.readToEnd() ?? Data()
  return String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
}

private func object(_ line: String) throws -> [String: Any] {
  try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
}

@Suite struct LogTests {
  @Test func `a line is a JSON object with time, level, service, replica, message and fields`() throws {
    let before = Date().timeIntervalSince1970.rounded(.down)
    let line = try lines(replica: "2") {
      $0.info(
        "opened", ["peer": "10.0.0.1", "bytes": 12, "load": 0.5, "tls": true, "took": Duration.milliseconds(1500)])
    }[0]
    let members = try object(line)
    #expect(members["level"] as? String == "info")
    #expect(members["service"] as? String == "app")
    #expect(members["replica"] as? String == "2")
    #expect(members["message"] as? String == "opened")
    #expect(members["peer"] as? String == "10.0.0.1")
    #expect(line.hasSuffix(#""bytes":12,"load":0.5,"tls":true,"took":1500}"#))

    let text = try #require(members["time"] as? String)
    #expect(text.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil)
    let time = try Date(text, strategy: .iso8601.year().month().day().time(includingFractionalSeconds: true))
    #expect((before...Date().timeIntervalSince1970).contains(time.timeIntervalSince1970))
  }

  @Test func `times agree with Foundation's calendar over 200 years`() throws {
    let style = Date.ISO8601FormatStyle().year().month().day().time(includingFractionalSeconds: true)
    for day in stride(from: 0, to: 73_048, by: 11) {
      let millisecond = day * 86_400_000 + day * 7_919 % 86_400_000
      var line = LogLine(.pretty)
      line.begin(at: millisecond * 1_000_000, .info, [], false)
      let text = String(decoding: line.bytes.prefix { $0 != UInt8(ascii: " ") }, as: UTF8.self)
      let time = try Date(text, strategy: style).timeIntervalSince1970
      #expect((time * 1000).rounded() == Double(millisecond), "\(text)")
    }
  }

  @Test func `below the level nothing is written, nor even evaluated`() throws {
    var evaluated = 0
    func costly() -> String {
      evaluated += 1
      return "x"
    }
    let written = try lines(level: .warning) { log in
      log.info(costly(), ["a": costly()])
      log.limited().debug(costly())
      log.warning("w")
      log.error("e")
      #expect(!log.isEnabled(.info) && log.isEnabled(.error))
    }
    #expect(evaluated == 0)
    #expect(try written.map { try object($0)["message"] as? String } == ["w", "e"])
  }

  @Test func `control characters, separators and direction marks cannot leave the line or steer a terminal`() throws {
    let hostile = "a\n\r\t\"\\\u{0}\u{1B}[2J\u{7F}\u{9B}\u{2028}\u{202E}é😀"
    for format in LogFormat.allCases {
      let written = try lines(format: format) { $0.info(hostile, [hostile: hostile]) }
      #expect(written.count == 1)
      #expect(written[0].contains(#"a\n\r\t\"\\\u0000\u001b[2J\u007f\u009b\u2028\u202eé😀"#))
      #expect(!written[0].unicodeScalars.contains { $0.value < 0x20 || (0x7F..<0xA0).contains($0.value) })
    }
    let members = try object(try lines { $0.info("m", ["k": hostile]) }[0])
    #expect(members["k"] as? String == hostile)
  }

  @Test func `a very long text is cut with a note`() throws {
    let members = try object(try lines { $0.info("m", ["k": String(repeating: "é", count: 10_000)]) }[0])
    #expect((members["k"] as? String)?.hasSuffix("é… (11808 more bytes)") == true)
  }

  @Test func `a secret field is written as a stand-in`() throws {
    let line = try lines { $0.info("m", ["password": Secret("hunter2")]) }[0]
    #expect(line.hasSuffix(#""password":"<secret>"}"#))
  }

  @Test func `numbers JSON cannot hold are written as text`() throws {
    let members = try object(try lines { $0.info("m", ["a": Double.nan, "b": -Double.infinity]) }[0])
    #expect(members["a"] as? String == "nan")
    #expect(members["b"] as? String == "-inf")
  }

  @Test func `bound fields are in each line, before its own`() throws {
    let written = try lines { log in
      let bound = log.with(["topic": "t"]).with(["partition": 3])
      bound.info("a", ["x": 1])
      log.info("b")
    }
    #expect(written[0].hasSuffix(#""message":"a","topic":"t","partition":3,"x":1}"#))
    #expect(written[1].hasSuffix(#""message":"b"}"#))
  }

  @Test func `the current trace and span are in each line`() throws {
    let context = try #require(
      TraceContext(traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".utf8))
    let members = try TraceContext.$current.withValue(context) { try object(try lines { $0.info("m") }[0]) }
    #expect(members["trace_id"] as? String == "4bf92f3577b34da6a3ce929d0e0e4736")
    #expect(members["span_id"] as? String == "00f067aa0ba902b7")
  }

  @Test func `the pretty form is for eyes`() throws {
    let line = try lines(format: .pretty, replica: "1") {
      $0.warning("slow fetch", ["topic": "a.b", "why": "too many", "empty": "", "n": 1])
    }[0]
    #expect(line.dropFirst(24) == #" WARN  app/1  slow fetch  topic=a.b  why="too many"  empty=""  n=1"#)
  }

  @Test func `a limited line is written once per interval and tells how many were held back`() throws {
    let written = try lines { log in
      func flood(_ interval: Duration) { log.limited(every: interval).warning("flood") }
      for _ in 0..<5 { flood(.seconds(3_600)) }
      log.limited(every: .seconds(3_600)).warning("another place")
      flood(.zero)
      flood(.zero)
    }
    #expect(try written.map { try object($0)["message"] as? String } == ["flood", "another place", "flood", "flood"])
    #expect(try written.map { try object($0)["suppressed"] as? Int } == [nil, nil, 4, nil])
  }

  @Test func `lines of several threads do not mix`() async throws {
    let pipe = Pipe()
    let log = Log(
      service: "app", level: .info, format: .json, descriptor: pipe.fileHandleForWriting.fileDescriptor)
    let text = String(repeating: "x", count: 6_000)  // above what a pipe takes as one piece
    let reader = Thread.reading(pipe.fileHandleForReading)
    await withTaskGroup(of: Void.self) { group in
      for writer in 0..<4 {
        group.addTask { for number in 0..<50 { log.info("m", ["writer": writer, "number": number, "text": text]) } }
      }
    }
    try pipe.fileHandleForWriting.close()
    let written = String(decoding: await reader.value, as: UTF8.self).split(separator: "\n")
    #expect(written.count == 200)
    for line in written { #expect(try object(String(line))["text"] as? String == text) }
  }

  @Test func `a full pipe nobody reads does not stop a non-blocking writer`() throws {
    let pipe = Pipe()
    let descriptor = pipe.fileHandleForWriting.fileDescriptor
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    let log = Log(service: "app", level: .info, format: .json, descriptor: descriptor)
    let text = String(repeating: "x", count: 8_000)
    for _ in 0..<12 { log.info("m", ["text": text]) }
    try pipe.fileHandleForWriting.close()
    let data = try #require(try pipe.fileHandleForReading.readToEnd())
    #expect(data.count <= 65_536)
  }
}

extension Thread {
  /// All that comes out of `handle` until its other end is closed. Read by a thread of its own: those of the tasks may all
  /// be waiting for room in the pipe.
  fileprivate static func reading(_ handle: FileHandle) -> Task<Data, Never> {
    let (data, continuation) = AsyncStream.makeStream(of: Data.self)
    Thread.detachNewThread {
      continuation.yield((try? handle.readToEnd()) ?? Data())
      continuation.finish()
    }
    return Task { await data.first { _ in true } ?? Data() }
  }
}
