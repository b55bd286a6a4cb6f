import Testing
import Wire

/// A stand-in for the checksum, which Wire leaves to its caller.
private func sum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
  bytes.reduce(7) { $0 &* 31 &+ UInt32($1) }
}

private func sample() -> [UInt8] {
  var builder = RecordBatchBuilder(
    baseOffset: 5, baseTimestamp: 1000, producerID: 77, producerEpoch: 3, baseSequence: 9)
  builder.append(key: [1, 2], value: [3], headers: [("trace", [4, 5]), ("none", nil)], timestamp: 1000)
  builder.append(key: nil, value: [UInt8](repeating: 6, count: 200), timestamp: 990)
  builder.append(key: [], value: nil, timestamp: 1_000_000_000)
  return builder.finish(checksum: sum)
}

/// The records as values; nil for what is malformed.
private func records(_ bytes: [UInt8]) -> [Record]? {
  bytes.withUnsafeBytes { content in
    guard var cursor = try? RecordCursor(batch: content) else { return nil }
    var records: [Record] = []
    do {
      while let record = try cursor.next() {
        for range in [record.key ?? 0..<0, record.value ?? 0..<0, record.headers, record.content] {
          guard range.lowerBound >= 0, range.upperBound <= content.count else { return nil }
        }
        _ = try cursor.headers(of: record)
        records.append(record)
      }
    } catch { return nil }
    return records
  }
}

@Suite struct `A record batch` {
  @Test func `says in its head what was written`() throws {
    let bytes = sample()
    let batch = try bytes.withUnsafeBytes { try RecordBatch(head: $0) }
    #expect(batch.baseOffset == 5)
    #expect(batch.size == bytes.count)
    #expect(batch.leaderEpoch == 0)
    #expect(batch.attributes.codec == RecordBatch.Codec.none)
    #expect(batch.lastOffsetDelta == 2 && batch.lastOffset == 7 && batch.count == 3)
    #expect(batch.baseTimestamp == 1000 && batch.maxTimestamp == 1_000_000_000)
    #expect(batch.producerID == 77 && batch.producerEpoch == 3 && batch.baseSequence == 9 && batch.isIdempotent)
    #expect(batch.checksum == bytes.withUnsafeBytes { sum(UnsafeRawBufferPointer(rebasing: $0[21...])) })
  }

  @Test func `lies on the wire as KIP-98 says`() {
    var builder = RecordBatchBuilder(baseOffset: 1, baseTimestamp: 2)
    builder.append(key: [0x6b], value: [0x76, 0x77], timestamp: 5)
    let head: [UInt8] =
      [0, 0, 0, 0, 0, 0, 0, 1] + [0, 0, 0, 59] + [0, 0, 0, 0] + [2] + [0xaa, 0xbb, 0xcc, 0xdd] + [0, 0]
      + [0, 0, 0, 0] + [0, 0, 0, 0, 0, 0, 0, 2] + [0, 0, 0, 0, 0, 0, 0, 5]
    let producer: [UInt8] = [UInt8](repeating: 0xff, count: 14) + [0, 0, 0, 1]
    let record: [UInt8] = [18, 0, 6, 0, 2, 0x6b, 4, 0x76, 0x77, 0]
    #expect(builder.finish { _ in 0xaabb_ccdd } == head + producer + record)
  }

  @Test func `gives its records back`() throws {
    let bytes = sample()
    let all = try #require(records(bytes))
    #expect(all.map(\.offsetDelta) == [0, 1, 2])
    #expect(all.map(\.timestampDelta) == [0, -10, 999_999_000])
    #expect(all[0].key.map { Array(bytes[$0]) } == [1, 2])
    #expect(all[0].value.map { Array(bytes[$0]) } == [3])
    #expect(all[1].key == nil && all[1].value?.count == 200)
    #expect(all[2].key?.isEmpty == true && all[2].value == nil)
    try bytes.withUnsafeBytes { content in
      let headers = try RecordCursor(batch: content).headers(of: all[0])
      #expect(headers.map { String(decoding: content[$0.name], as: UTF8.self) } == ["trace", "none"])
      #expect(headers[0].value.map { Array(content[$0]) } == [4, 5])
      #expect(headers[1].value == nil)
    }
  }

  @Test func `is patched in place`() throws {
    var bytes = sample()
    bytes.withUnsafeMutableBytes {
      RecordBatch.setBaseOffset(0x0102_0304_0506_0708, in: $0)
      RecordBatch.setLeaderEpoch(9, in: $0)
    }
    #expect(Array(bytes[0..<8]) == [1, 2, 3, 4, 5, 6, 7, 8])
    #expect(Array(bytes[12..<16]) == [0, 0, 0, 9])
    #expect(Array(bytes[16...]) == Array(sample()[16...]))
  }

  @Test func `rewritten keeps offsets, producer and times of the records that stay`() throws {
    let bytes = sample()
    let original = try bytes.withUnsafeBytes { try RecordBatch(head: $0) }
    let second = try #require(records(bytes))[1]
    var builder = RecordBatchBuilder(rewriting: original, deleteHorizon: 5000)
    bytes.withUnsafeBytes {
      builder.append(
        content: UnsafeRawBufferPointer(rebasing: $0[second.content]), offsetDelta: second.offsetDelta,
        timestamp: original.baseTimestamp + second.timestampDelta)
    }
    let rewritten = builder.finish(checksum: sum)
    let batch = try rewritten.withUnsafeBytes { try RecordBatch(head: $0) }
    #expect(batch.count == 1 && batch.lastOffsetDelta == 2 && batch.baseSequence == 9 && batch.producerID == 77)
    #expect(batch.attributes.hasDeleteHorizon && batch.baseTimestamp == 5000 && batch.maxTimestamp == 990)
    let record = try #require(records(rewritten)).first
    #expect(record?.offsetDelta == 1 && record?.timestampDelta == 990 - 5000 && record?.value?.count == 200)
  }

  @Test func `is refused when its head contradicts itself`() {
    func error(_ change: (inout [UInt8]) -> Void) -> RecordBatchError? {
      var bytes = sample()
      change(&bytes)
      do throws(RecordBatchError) {
        _ = try bytes.span.bytes.withUnsafeBytes { content throws(RecordBatchError) in try RecordBatch(head: content) }
        return nil
      } catch {
        return error
      }
    }
    func set(_ position: Int, _ new: [UInt8]) -> (inout [UInt8]) -> Void {
      { $0.replaceSubrange(position..<position + new.count, with: new) }
    }
    #expect(error { $0.removeLast($0.count - 60) } == .cutShort(needed: 61, available: 60))
    #expect(error { $0 = [] } == .cutShort(needed: 61, available: 0))
    #expect(error(set(16, [1])) == .unknownMagic(1))
    #expect(error(set(8, [0, 0, 0, 48])) == .impossibleLength(48))
    #expect(error(set(8, [0xff, 0, 0, 0])) == .impossibleLength(-16_777_216))
    #expect(error(set(8, [0x7f, 0xff, 0xff, 0xff])) == .impossibleLength(.max))
    #expect(error(set(22, [7])) == .unknownCodec(7))
    #expect(error(set(0, [0x80])) == .impossibleOffsets(base: .min + 5, lastDelta: 2))
    #expect(error(set(0, [UInt8](repeating: 0x7f, count: 1) + [UInt8](repeating: 0xff, count: 7))) != nil)
    #expect(error(set(23, [0xff, 0xff, 0xff, 0xff])) == .impossibleOffsets(base: 5, lastDelta: -1))
    #expect(error(set(57, [0, 0, 0, 4])) == .impossibleCount(4, lastDelta: 2))
    #expect(error(set(57, [0xff, 0, 0, 0])) == .impossibleCount(-16_777_216, lastDelta: 2))
    #expect(
      error {
        $0.replaceSubrange(23..<27, with: [0x7f, 0, 0, 0]); $0.replaceSubrange(57..<61, with: [0x7f, 0, 0, 0])
      }
        == .impossibleCount(0x7f00_0000, lastDelta: 0x7f00_0000))
    #expect(error(set(51, [0xff, 0xff])) == .impossibleProducer(id: 77, epoch: -1, sequence: 9))
    #expect(error(set(53, [0x80, 0, 0, 0])) == .impossibleProducer(id: 77, epoch: 3, sequence: .min))
  }

  @Test func `and others are walked one after another`() throws {
    let bytes = sample() + sample() + sample()
    try bytes.withUnsafeBytes { content in
      var cursor = RecordBatchCursor(content)
      var ranges: [Range<Int>] = []
      while let (_, range) = try cursor.next() { ranges.append(range) }
      let size = content.count / 3
      #expect(ranges == [0..<size, size..<2 * size, 2 * size..<3 * size])
    }
    for missing in 1..<sample().count {
      let error = bytes.withUnsafeBytes { content -> RecordBatchError? in
        var cursor = RecordBatchCursor(UnsafeRawBufferPointer(rebasing: content[..<(content.count - missing)]))
        var whole = 0
        do throws(RecordBatchError) {
          while try cursor.next() != nil { whole += 1 }
          return nil
        } catch {
          return whole == 2 ? error : nil
        }
      }
      let left = sample().count - missing
      #expect(error == .cutShort(needed: left < 61 ? 61 : sample().count, available: left))
    }
  }

  @Test func `with any byte changed or cut never leads out of its bounds`() {
    let bytes = sample()
    for position in bytes.indices {
      for change: UInt8 in [1, 0x7f, 0x80, 0xff] {
        var mutated = bytes
        mutated[position] ^= change
        _ = records(mutated)
      }
      #expect(records(Array(bytes.prefix(position))) == nil)
    }
    #expect(records(bytes)?.count == 3)
  }

  @Test func `of compressed records does not give them`() {
    var bytes = sample()
    bytes[22] = 4
    bytes.withUnsafeBytes { content in
      #expect(throws: RecordBatchError.compressed) { _ = try RecordCursor(batch: content) }
      return
    }
  }

  @Test func `with a varint that never ends, or a record longer than its batch, is malformed`() {
    var endless = sample()
    for position in 61..<72 { endless[position] = 0xff }
    #expect(records(endless) == nil)
    var long = sample()
    long[61] = 0x7e
    #expect(records(long) == nil)
  }
}
