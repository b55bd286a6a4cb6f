import Testing

@testable import Broker

@Suite struct `Retention` {
  private func filled(_ overrides: [String: String]) throws -> (LogFixture, PartitionLog) {
    let fixture = try LogFixture()
    let log = try fixture.log("orders", overrides.merging(["segment.bytes": "1024"]) { mine, _ in mine })
    for number in 0..<65 {
      try fixture.append(batch(["value \(number)"], at: fixture.now), to: log)
      fixture.now += 1000
    }
    fixture.flush()
    #expect(log.segments.map(\.baseOffset) == [0, 13, 26, 39, 52])
    return (fixture, log)
  }

  @Test func `by size keeps at least so many bytes, in whole segments`() throws {
    let (fixture, log) = try filled(["retention.bytes": "2900"])
    let removal = try #require(fixture.folder.retire(now: fixture.now))
    #expect(removal.paths.count == 2)
    removal.perform()
    #expect(log.segments.map(\.baseOffset) == [26, 39, 52])
    #expect(try log.records().map(\.offset) == Array(26..<65))
    #expect(try Files.list(log.directory).filter { $0.hasSuffix(".log") }.count == 3)
    #expect(fixture.folder.retire(now: fixture.now) == nil)
    #expect(fixture.folder.metrics.segmentsRetired == 2)
    #expect(fixture.folder.metrics.segments == 3)
    let error = #expect(throws: LogError.self) { try log.read(from: 25, maxBytes: 1, atLeastOneBatch: true) }
    #expect(error?.kafkaCode == 1)
  }

  @Test func `by time counts from a segment's latest record`() throws {
    let (fixture, log) = try filled(["retention.ms": "30000"])
    fixture.folder.retire(now: fixture.now)?.perform()
    #expect(log.segments.map(\.baseOffset) == [26, 39, 52])
    fixture.folder.retire(now: fixture.now + 3000)?.perform()
    #expect(log.segments.map(\.baseOffset) == [26, 39, 52])
    fixture.folder.retire(now: fixture.now + 3001)?.perform()
    #expect(log.segments.map(\.baseOffset) == [39, 52])
  }

  @Test func `seals an active segment whose records have all expired; offsets go on, over a restart too`() throws {
    let (fixture, log) = try filled(["retention.ms": "30000"])
    fixture.now += 100_000
    fixture.folder.retire(now: fixture.now)?.perform()
    #expect(log.segments.map(\.baseOffset) == [52, 65], "the last waits until the new one is on disk")
    fixture.flush()
    fixture.folder.retire(now: fixture.now)?.perform()
    #expect(log.segments.map(\.baseOffset) == [65])
    #expect(log.logStartOffset == 65 && log.endOffset == 65)
    let second = try LogFixture(try fixture.crash())
    #expect(try second.append(batch(["new"]), to: try second.log()).baseOffset == 65)
  }

  @Test func `retires a bounded number of segments per call`() throws {
    let (fixture, log) = try filled(["retention.bytes": "0"])
    #expect(log.retire(now: fixture.now, limit: 1).count == 1)
    #expect(log.segments.count == 4)
  }

  @Test func `does not touch a topic that is only compacted`() throws {
    let fixture = try LogFixture()
    let log = try fixture.log(
      "catalogue", ["cleanup.policy": "compact", "segment.bytes": "1024", "retention.ms": "1", "retention.bytes": "1"])
    for number in 0..<30 { try fixture.append(batch(["v"], keys: ["k\(number)"]), to: log) }
    fixture.flush()
    fixture.now += 1_000_000
    #expect(fixture.folder.retire(now: fixture.now) == nil)
    #expect(try log.records().count == 30)
  }
}
