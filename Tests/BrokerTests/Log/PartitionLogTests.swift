import Testing
import Wire

@testable import Broker

@Suite struct `The log of a partition` {
  @Test func `offsets follow one another and everything is read back`() throws {
    let fixture = try LogFixture()
    let log = try fixture.log()
    #expect(try fixture.append(batch(["a", "b"]), to: log).baseOffset == 0)
    #expect(try fixture.append(batch(["c"]), to: log).baseOffset == 2)
    #expect(try fixture.append(batch(["d"]) + batch(["e", "f"]), to: log).baseOffset == 3)
    #expect(log.endOffset == 6)
    #expect(
      try log.records() == ["a", "b", "c", "d", "e", "f"].enumerated().map { Seen(offset: Int64($0), value: $1) })
    #expect(log.context.metrics.messagesIn == 6)
    #expect(log.context.metrics.batchesIn == 4)
  }

  @Test func `a read begins with the batch that holds the offset`() throws {
    let fixture = try LogFixture()
    let log = try fixture.log()
    let first = batch(["a", "b", "c"])
    try fixture.append(first, to: log)
    try fixture.append(batch(["d"]), to: log)
    let slice = try log.read(from: 1, maxBytes: 1 << 20, atLeastOneBatch: false)
    #expect(slice.position == 0)
    #expect(try log.read(from: 3, maxBytes: 1 << 20, atLeastOneBatch: false).position == first.count)
  }

  @Test func `a slice holds whole batches, the first one however large`() throws {
    let fixture = try LogFixture()
    let log = try fixture.log()
    let one = batch(["0123456789"])
    for _ in 0..<5 { try fixture.append(one, to: log) }
    func count(_ maxBytes: Int, _ atLeastOne: Bool) throws -> Int {
      try log.read(from: 1, maxBytes: maxBytes, atLeastOneBatch: atLeastOne).count
    }
    #expect(try count(one.count * 2 + 5, false) == one.count * 2)
    #expect(try count(one.count * 2, false) == one.count * 2)
    #expect(try count(one.count - 1, false) == 0)
    #expect(try count(one.count - 1, true) == one.count)
    #expect(try count(0, true) == one.count)
    #expect(try count(0, false) == 0)
    #expect(try count(1 << 30, false) == one.count * 4)
  }

  @Test func `the end is empty and beyond it is out of range`() throws {
    let fixture = try LogFixture()
    let log = try fixture.log()
    #expect(try log.read(from: 0, maxBytes: 100, atLeastOneBatch: true).isEmpty)
    try fixture.append(batch(["a"]), to: log)
    #expect(try log.read(from: 1, maxBytes: 100, atLeastOneBatch: true).isEmpty)
    for offset in [Int64.min, -1, 2, .max] {
      let error = #expect(throws: LogError.self) { try log.read(from: offset, maxBytes: 100, atLeastOneBatch: true) }
      #expect(error?.kafkaCode == 1)
    }
  }

  @Test(arguments: [1, 60, 61, 500, 5000, 70_000, 1 << 20])
  func `every offset is found again, whatever the size of slices, before and after a restart`(maxBytes: Int) throws {
    var random = Seeded()
    let home = TemporaryFolder()
    var expected: [Seen] = []
    do {
      let fixture = try LogFixture(home)
      let log = try fixture.log("orders", ["segment.bytes": "65536"])
      for _ in 0..<700 {
        let values = (0..<Int.random(in: 1...6, using: &random)).map { _ in
          String(repeating: "x", count: Int.random(in: 0...300, using: &random))
        }
        for value in values { expected.append(Seen(offset: Int64(expected.count), value: value)) }
        try fixture.append(batch(values), to: log)
      }
      #expect(log.segments.count > 5)
      #expect(try log.records(maxBytes: maxBytes) == expected)
      #expect(fixture.folder.close(now: fixture.now))
    }
    let log = try LogFixture(home).log()
    #expect(try log.records(maxBytes: maxBytes) == expected)
    for _ in 0..<200 {
      let offset = Int.random(in: 0..<expected.count, using: &random)
      let slice = try log.read(from: Int64(offset), maxBytes: 1, atLeastOneBatch: true)
      let found = try slice.bytes().withUnsafeBytes { try RecordBatch(head: $0) }
      #expect(found.baseOffset <= offset && offset <= found.lastOffset)
      #expect(log.nextOffset(after: slice, from: Int64(offset)) == found.lastOffset + 1)
    }
  }

  @Test func `a full segment makes room for the next, and a slice of it outlives the segment`() throws {
    let fixture = try LogFixture()
    let log = try fixture.log("orders", ["segment.bytes": "1024", "retention.bytes": "0"])
    for number in 0..<30 { try fixture.append(batch(["value \(number)"]), to: log) }
    #expect(log.segments.count == 3)
    #expect(log.segments.map(\.baseOffset) == [0, 13, 26])
    let slice = try log.read(from: 0, maxBytes: 1 << 20, atLeastOneBatch: false)
    let bytes = try slice.bytes()
    fixture.flush()
    fixture.folder.retire(now: fixture.now)?.perform()
    #expect(log.logStartOffset == 26)
    #expect(try slice.bytes() == bytes)
    #expect(try log.values() == ["value 26", "value 27", "value 28", "value 29"])
  }

  @Test func `a segment that grew old is sealed`() throws {
    let fixture = try LogFixture()
    let log = try fixture.log("orders", ["segment.ms": "1000"])
    try fixture.append(batch(["a"]), to: log)
    fixture.now += 999
    try fixture.append(batch(["b"]), to: log)
    fixture.now += 1
    try fixture.append(batch(["c"]), to: log)
    #expect(log.segments.map(\.baseOffset) == [0, 2])
  }

  @Test func `more open segments than allowed close the ones not used`() throws {
    var settings = LogSettings()
    settings.openFiles = 4
    let fixture = try LogFixture(settings: settings)
    let log = try fixture.log("orders", ["segment.bytes": "1024"])
    for number in 0..<400 {
      try fixture.append(batch(["value \(number)"]), to: log)
      if number % 10 == 0 { fixture.flush() }
    }
    fixture.flush()
    #expect(log.segments.count > 20)
    #expect(try log.values() == (0..<400).map { "value \($0)" })
    #expect(try log.values() == (0..<400).map { "value \($0)" })
    #expect(fixture.folder.context.files.count == 4)
  }

  @Test func `a record is found by its time`() throws {
    let home = TemporaryFolder()
    do {
      let fixture = try LogFixture(home)
      let log = try fixture.log("orders", ["segment.bytes": "4096"])
      for number in 0..<200 { try fixture.append(batch(["a", "b"], at: Int64(1000 + 10 * number)), to: log) }
      #expect(log.segments.count > 3)
      #expect(fixture.folder.close(now: fixture.now))
    }
    let log = try LogFixture(home).log()
    for (time, offset, found) in [(0, 0, 1000), (1000, 0, 1000), (1001, 1, 1001), (1002, 2, 1010), (2500, 300, 2500)] {
      let answer = try #require(try log.offset(notBefore: Int64(time)))
      #expect(answer.offset == offset)
      #expect(answer.timestamp == found)
    }
    #expect(try log.offset(notBefore: 2991)?.offset == 399)
    #expect(try log.offset(notBefore: 2992) == nil)
  }

  @Test func `what a client sends wrong is refused and leaves nothing`() throws {
    let fixture = try LogFixture()
    let log = try fixture.log("orders", ["max.message.bytes": "200"])
    let good = batch(["a", "b"])
    func code(_ bytes: [UInt8]) -> Int16? {
      do {
        try fixture.append(bytes, to: log)
        return nil
      } catch { return (error as? LogError)?.kafkaCode }
    }
    #expect(code([]) == 87)
    #expect(code(Array(good.dropLast())) == 2)
    #expect(code(Array(good.prefix(40))) == 2)
    #expect(code(good + [0]) == 2)
    var flipped = good
    flipped[70] ^= 1
    #expect(code(flipped) == 2)
    #expect(code(batch([String(repeating: "x", count: 200)])) == 10)
    #expect(code(altered(good) { $0[16] = 1 }) == 43)
    #expect(code(altered(good) { $0[22] = 5 }) == 76)
    #expect(code(altered(good) { $0[22] = 16 }) == 48)
    #expect(code(altered(good) { $0[22] = 32 }) == 87)
    #expect(code(altered(good) { $0[22] = 64 }) == 87)
    #expect(code(altered(good) { $0[60] = 1 }) == 87)
    #expect(code(altered(good) { $0[26] = 9 }) == 87)
    #expect(code(altered(good) { $0[23] = 0xff }) == 87)
    #expect(log.endOffset == 0)
    #expect(try log.values().isEmpty)
    #expect(code(altered(good) { $0[22] = 4 }) == nil)
    #expect(log.endOffset == 2)
  }

  @Test func `a compacted topic refuses records without a key`() throws {
    let fixture = try LogFixture()
    let log = try fixture.log("catalogue", ["cleanup.policy": "compact"])
    let error = #expect(throws: LogError.self) { try fixture.append(batch(["a", "b"], keys: ["k", nil]), to: log) }
    #expect(error?.kafkaCode == 87)
    try fixture.append(batch(["a", "b"], keys: ["k", "l"]), to: log)
    #expect(log.endOffset == 2)
  }
}
