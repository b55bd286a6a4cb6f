import Glibc
import Testing
import Wire

@testable import Broker

@Suite struct `What a partition knows of its producers` {
  private func head(_ id: Int64, _ epoch: Int16, _ sequence: Int32, count: Int32 = 1, at offset: Int64 = 0)
    -> RecordBatch
  {
    var head = try! batch(["a"], producer: id, epoch: epoch, sequence: sequence).withUnsafeBytes {
      try RecordBatch(head: $0)
    }
    head.baseOffset = offset
    head.lastOffsetDelta = count - 1
    head.count = count
    return head
  }

  @Test func `a repeated batch is told with its offset while it is among the last five`() {
    var table = ProducerTable(capacity: 10)
    for number in 0..<6 { table.note(head(1, 0, Int32(number * 2), count: 2, at: Int64(100 + number * 2)), now: 0) }
    for number in 1..<6 {
      #expect(table.judge(head(1, 0, Int32(number * 2), count: 2)) == .duplicate(baseOffset: Int64(100 + number * 2)))
    }
    #expect(table.judge(head(1, 0, 0, count: 2)) == .outOfOrder(expected: 12))
    #expect(table.judge(head(1, 0, 10, count: 1)) == .outOfOrder(expected: 12))
    #expect(table.judge(head(1, 0, 12)) == .new)
    #expect(table.judge(head(1, 0, 13)) == .outOfOrder(expected: 12))
  }

  @Test func `epochs only rise, and each begins at sequence 0`() {
    var table = ProducerTable(capacity: 10)
    table.note(head(1, 3, 0), now: 0)
    #expect(table.judge(head(1, 2, 1)) == .fenced(by: 3))
    #expect(table.judge(head(1, 4, 1)) == .outOfOrder(expected: 0))
    #expect(table.judge(head(1, 4, 0)) == .new)
    table.note(head(1, 4, 0, at: 50), now: 0)
    #expect(table.judge(head(1, 3, 1)) == .fenced(by: 4))
    #expect(table.judge(head(1, 4, 0)) == .duplicate(baseOffset: 50))
  }

  @Test func `an unknown producer may begin anywhere`() {
    #expect(ProducerTable(capacity: 10).judge(head(1, 0, 77)) == .new)
  }

  @Test func `sequences wrap after 2147483647`() {
    var table = ProducerTable(capacity: 10)
    table.note(head(1, 0, .max - 1, count: 2), now: 0)
    #expect(table.judge(head(1, 0, 0)) == .new)
    #expect(table.judge(head(1, 0, 1)) == .outOfOrder(expected: 0))
    table.note(head(2, 0, .max - 1, count: 5), now: 0)
    #expect(table.judge(head(2, 0, 3)) == .new)
    #expect(table.judge(head(2, 0, .max - 1, count: 5)) == .duplicate(baseOffset: 0))
  }

  @Test func `the one silent longest is forgotten when there are too many, and all that are silent too long`() {
    var table = ProducerTable(capacity: 2)
    table.note(head(1, 0, 0), now: 10)
    table.note(head(2, 0, 0), now: 5)
    table.note(head(3, 0, 0), now: 20)
    #expect(table.producers.keys.sorted() == [1, 3])
    table.forget(before: 20)
    #expect(table.producers.keys.sorted() == [3])
  }

  @Test func `a checkpoint brings everything back, and no mutation of it is taken`() {
    var table = ProducerTable(capacity: 100)
    for id in 0..<20 { table.note(head(Int64(id), 1, Int32(id), at: Int64(id)), now: Int64(id)) }
    var index = SegmentIndex(segmentBytes: 1 << 20)
    for number in 0..<50 {
      index.note(offsetDelta: UInt32(number), position: number * 5000, maxTimestampBefore: Int64(number))
    }
    let checkpoint = Checkpoint(
      baseOffset: 7, size: 250_000, nextOffset: 90, maxTimestamp: 50, startedAt: 3, index: index, producers: table)
    let bytes = checkpoint.encoded()
    func decoded(_ bytes: [UInt8], _ base: Int64 = 7) -> Checkpoint? {
      Checkpoint(bytes, baseOffset: base, segmentBytes: 1 << 20, producerCapacity: 100)
    }
    #expect(decoded(bytes) == checkpoint)
    #expect(decoded(bytes, 8) == nil)
    for length in 0..<bytes.count { #expect(decoded(Array(bytes.prefix(length))) == nil) }
    for position in bytes.indices {
      var flipped = bytes
      flipped[position] ^= 0x10
      #expect(decoded(flipped) == nil)
    }
  }
}

@Suite struct `An idempotent producer` {
  @Test func `gets the original offset for a batch it repeats`() throws {
    let fixture = try LogFixture()
    let log = try fixture.log()
    try fixture.append(batch(["other"]), to: log)
    let first = try fixture.append(batch(["a", "b"], producer: 9, sequence: 0), to: log)
    try fixture.append(batch(["c"], producer: 9, sequence: 2), to: log)
    let again = try fixture.append(batch(["a", "b"], producer: 9, sequence: 0), to: log)
    #expect(first == PartitionLog.Appended(baseOffset: 1, nextOffset: 3, logStartOffset: 0, isDuplicate: false))
    #expect(again == PartitionLog.Appended(baseOffset: 1, nextOffset: 3, logStartOffset: 0, isDuplicate: true))
    #expect(try log.values() == ["other", "a", "b", "c"])
  }

  @Test func `is refused after a gap and with an old epoch`() throws {
    let fixture = try LogFixture()
    let log = try fixture.log()
    try fixture.append(batch(["a"], producer: 9, epoch: 1, sequence: 0), to: log)
    let gap = #expect(throws: LogError.self) {
      try fixture.append(batch(["c"], producer: 9, epoch: 1, sequence: 2), to: log)
    }
    #expect(gap?.kafkaCode == 45)
    let old = #expect(throws: LogError.self) {
      try fixture.append(batch(["c"], producer: 9, epoch: 0, sequence: 1), to: log)
    }
    #expect(old?.kafkaCode == 47)
    let two = #expect(throws: LogError.self) {
      try fixture.append(
        batch(["b"], producer: 9, epoch: 1, sequence: 1) + batch(["c"], producer: 9, epoch: 1, sequence: 2), to: log)
    }
    #expect(two?.kafkaCode == 87)
    #expect(try log.values() == ["a"])
  }

  @Test(arguments: [true, false]) func `is known again after a restart`(cleanly: Bool) throws {
    let fixture = try LogFixture()
    let log = try fixture.log("orders", ["segment.bytes": "1024"])
    for number in 0..<40 {
      try fixture.append(batch(["v\(number)"], producer: 9, sequence: Int32(number)), to: log)
      if number == 20 { fixture.flush() }
    }
    var home = try fixture.crash()
    if cleanly {
      #expect(fixture.folder.close(now: fixture.now))
      home = try fixture.crash()
    }
    let second = try LogFixture(home)
    #expect(second.folder.wasClean == cleanly)
    let again = try second.log()
    #expect(again.producers.producers[9] == log.producers.producers[9])
    for number in 35..<40 {
      let answer = try second.append(batch(["v\(number)"], producer: 9, sequence: Int32(number)), to: again)
      #expect(answer.baseOffset == number && answer.isDuplicate)
    }
    #expect(try second.append(batch(["v40"], producer: 9, sequence: 40), to: again).baseOffset == 40)
    #expect(try again.values() == (0...40).map { "v\($0)" })
  }

  @Test(arguments: [true, false]) func `is not believed about a batch that a crash took`(restarted: Bool) throws {
    // The segment is sealed and its checkpoint written while the next one already has the producer's next batch.
    var fixture = try LogFixture()
    var log = try fixture.log("orders", ["segment.bytes": "1024"])
    var number: Int32 = 0
    while log.segments.count < 2 {
      try fixture.append(batch(["value \(number)"], producer: 9, sequence: number), to: log)
      number += 1
    }
    if restarted {
      fixture = try LogFixture(try fixture.crash())
      log = try fixture.log()
    }
    fixture.flush()
    let home = try fixture.crash()
    let last = Segment.path(home.path + "/data/topics/" + log.topicFolderName + "/0", log.active.baseOffset, "log")
    #expect(truncate(last, 0) == 0)
    #expect(unlink(last.replacing(".log", with: ".index")) <= 0)
    let second = try LogFixture(home)
    let again = try second.log()
    let answer = try second.append(batch(["value \(number - 1)"], producer: 9, sequence: number - 1), to: again)
    #expect(!answer.isDuplicate)
    #expect(try again.values().count == Int(number))
  }
}
