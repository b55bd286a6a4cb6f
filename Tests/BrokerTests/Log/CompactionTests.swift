import Glibc
import Synchronization
import Testing

@testable import Broker

@Suite struct `Compaction` {
  private static let settings = ["cleanup.policy": "compact", "segment.bytes": "1024", "delete.retention.ms": "60000"]

  @discardableResult
  private func compact(_ fixture: LogFixture) -> Bool {
    guard let job = fixture.folder.nextCompaction(now: fixture.now) else { return false }
    fixture.folder.finishCompaction(job.perform())?.perform()
    return true
  }

  /// Appends until one more segment is sealed.
  private func seal(_ fixture: LogFixture, _ log: PartitionLog) throws {
    let count = log.segments.count
    var number = 0
    while log.segments.count == count {
      try fixture.append(batch(["filler"], keys: ["filler \(number)"]), to: log)
      number += 1
    }
    fixture.flush()
  }

  private func newest(_ records: [Seen]) -> [String: String] {
    var newest: [String: String] = [:]
    for record in records { newest[record.key!] = record.value }
    return newest
  }

  @Test func `keeps of each key the newest record, at its offset and in order`() throws {
    var random = Seeded()
    let home = TemporaryFolder()
    var before: [Seen] = []
    var after: [Seen] = []
    do {
      let fixture = try LogFixture(home)
      let log = try fixture.log("catalogue", Self.settings)
      for number in 0..<300 {
        let keys = (0..<Int.random(in: 1...4, using: &random)).map { _ in
          "key \(Int.random(in: 0..<20, using: &random))"
        }
        try fixture.append(batch(keys.map { _ in "value \(number)" }, keys: keys), to: log)
      }
      fixture.flush()
      before = try log.records()
      let sealedEnd = log.active.baseOffset
      #expect(compact(fixture))
      after = try log.records()
      let sealed = after.filter { $0.offset < sealedEnd }
      #expect(newest(after) == newest(before))
      #expect(sealed.count == Set(sealed.map(\.key)).count, "one record per key in the sealed part")
      #expect(after == before.filter { record in after.contains { $0.offset == record.offset } })
      #expect(log.logStartOffset == 0)
      #expect(try log.records(from: 1).first == after.first { $0.offset >= 1 })
      #expect(!compact(fixture), "nothing new to compact")
      #expect(fixture.folder.metrics.compactions == 1)
      #expect(fixture.folder.close(now: fixture.now))
    }
    let second = try LogFixture(home)
    #expect(try second.log("catalogue").records() == after)
    #expect(second.notices.all.isEmpty)
  }

  @Test func `keeps a tombstone until every reader had time to see it`() throws {
    let fixture = try LogFixture()
    let log = try fixture.log("catalogue", Self.settings)
    try fixture.append(batch(["old"], keys: ["k"]), to: log)
    try fixture.append(batch([nil, "kept"], keys: ["k", "l"]), to: log)
    try seal(fixture, log)
    #expect(compact(fixture))
    #expect(try log.records().prefix(2) == [Seen(offset: 1, key: "k"), Seen(offset: 2, key: "l", value: "kept")])
    fixture.now += 59_999
    try seal(fixture, log)
    try seal(fixture, log)
    #expect(compact(fixture))
    #expect(try log.records().first == Seen(offset: 1, key: "k"))
    fixture.now += 1
    try seal(fixture, log)
    try seal(fixture, log)
    #expect(compact(fixture))
    #expect(try log.records().first == Seen(offset: 2, key: "l", value: "kept"))
    #expect(try log.offset(notBefore: 1_000_000_000_001)?.offset == 2, "times survive the rewriting")
  }

  @Test func `keeps compressed batches whole`() throws {
    let fixture = try LogFixture()
    let log = try fixture.log("catalogue", Self.settings)
    let compressed = altered(batch(["not really"], keys: ["k"])) { $0[22] = 3 }
    try fixture.append(compressed, to: log)
    try fixture.append(compressed, to: log)
    try seal(fixture, log)
    try seal(fixture, log)
    #expect(compact(fixture))
    let slice = try log.read(from: 0, maxBytes: compressed.count * 2, atLeastOneBatch: true)
    #expect(slice.count == compressed.count * 2)
  }

  @Test func `leaves out records younger than the lag`() throws {
    let fixture = try LogFixture()
    let log = try fixture.log(
      "catalogue", Self.settings.merging(["min.compaction.lag.ms": "5000"]) { $1 })
    try fixture.append(batch(["1", "2"], keys: ["k", "k"]), to: log)
    try seal(fixture, log)
    #expect(!compact(fixture))
    fixture.now += 5001
    #expect(compact(fixture))
    #expect(try log.records().first == Seen(offset: 1, key: "k", value: "2"))
  }

  @Test func `an emptied segment goes, but never the first`() throws {
    let fixture = try LogFixture()
    let log = try fixture.log("catalogue", Self.settings)
    for _ in 0..<60 { try fixture.append(batch(["v"], keys: ["k"]), to: log) }
    fixture.flush()
    #expect(log.segments.count == 5)
    #expect(compact(fixture))
    #expect(log.segments.map(\.baseOffset).first == 0)
    #expect(log.segments.count == 3)
    #expect(try log.records(from: 0).first?.offset == log.active.baseOffset - 1)
    #expect(fixture.folder.metrics.segments == 3)
    let second = try LogFixture(try fixture.crash())
    #expect(try second.log("catalogue").records() == log.records())
    #expect(second.notices.all.isEmpty)
  }

  @Test func `a crash at any step of it leaves a log with the newest of each key`() throws {
    let fixture = try LogFixture()
    let log = try fixture.log("catalogue", Self.settings)
    for number in 0..<60 { try fixture.append(batch(["value \(number)"], keys: ["key \(number % 7)"]), to: log) }
    fixture.flush(checkpointAll: true)
    let before = try log.records()
    let result = try #require(fixture.folder.nextCompaction(now: fixture.now)).perform()
    #expect(result.rewritten.count == 4)
    // The steps of finishing, as file names: what has happened up to each is what a crash then leaves.
    var steps: [(TemporaryFolder) throws -> Void] = [{ _ in }]
    func inCopy(_ home: TemporaryFolder, _ path: String) -> String {
      home.path + "/data" + path.dropFirst(fixture.folder.path.count)
    }
    for rewritten in result.rewritten {
      let source = rewritten.source
      steps.append { #expect(unlink(inCopy($0, source.indexPath)) == 0) }
      steps.append { #expect(rename(inCopy($0, rewritten.path), inCopy($0, source.path)) == 0) }
      steps.append { #expect(rename(inCopy($0, rewritten.indexPath), inCopy($0, source.indexPath)) == 0) }
    }
    for done in 1...steps.count {
      let home = try fixture.crash()
      for step in steps.prefix(done) { try step(home) }
      let second = try LogFixture(home)
      let again = try second.log("catalogue")
      #expect(second.notices.all.isEmpty, "after \(done) steps")
      #expect(newest(try again.records()) == newest(before))
      #expect(again.endOffset == 60)
      #expect(try Files.list(again.directory).allSatisfy { !$0.hasSuffix(".cleaned") })
      second.flush()
      compact(second)
      #expect(newest(try again.records()) == newest(before))
    }
  }

  @Test func `without room fails, leaves the log as it was and is tried again later`() throws {
    let failing = FailingDisk()
    let fixture = try LogFixture(disk: failing.disk)
    let log = try fixture.log("catalogue", Self.settings)
    for number in 0..<60 { try fixture.append(batch(["value \(number)"], keys: ["key \(number % 7)"]), to: log) }
    fixture.flush()
    let before = try log.records()
    failing.room.store(100, ordering: .relaxed)
    #expect(compact(fixture))
    #expect(try log.records() == before)
    #expect(fixture.folder.metrics.compactionFailures == 1)
    #expect(try Files.list(log.directory).allSatisfy { !$0.hasSuffix(".cleaned") })
    failing.room.store(-1, ordering: .relaxed)
    #expect(!compact(fixture))
    fixture.now += 600_000
    #expect(compact(fixture))
    #expect(try log.records().count < before.count)
  }

  @Test func `of a topic deleted meanwhile is thrown away`() throws {
    let fixture = try LogFixture()
    let log = try fixture.log("catalogue", Self.settings)
    for _ in 0..<60 { try fixture.append(batch(["v"], keys: ["k"]), to: log) }
    fixture.flush()
    let job = try #require(fixture.folder.nextCompaction(now: fixture.now))
    fixture.folder.finishCompaction(job.perform()).map { $0.perform() }
    let removal = try fixture.folder.deleteTopic("catalogue")
    let again = try fixture.log("catalogue", Self.settings)
    fixture.folder.finishCompaction(job.perform())?.perform()
    removal.perform()
    #expect(try again.records().isEmpty)
    #expect(try Files.list(again.directory).isEmpty)
  }
}
