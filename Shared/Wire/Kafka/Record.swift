/// One record of an uncompressed batch; its ranges count from the first byte of the batch.
public struct Record: Equatable, Sendable {
  /// Offset relative to the batch's base offset.
  public var offsetDelta: Int32
  /// Milliseconds after the batch's base timestamp; may be negative.
  public var timestampDelta: Int64
  /// The key's bytes, or nil.
  public var key: Range<Int>?
  /// The value's bytes; nil makes the record a tombstone.
  public var value: Range<Int>?
  /// How many headers there are.
  public var headerCount: Int
  /// The encoded headers, without their count.
  public var headers: Range<Int>
  /// Everything after the deltas: key, value and headers as encoded.
  public var content: Range<Int>
}

/// Walks the records of one uncompressed batch; the bytes must outlive it.
public struct RecordCursor {
  private let bytes: UnsafeRawBufferPointer
  private let count: Int
  private var reader: VarintReader
  private var number = 0

  /// Begins at the first record of the batch that fills `bytes`.
  ///
  /// - Throws: ``RecordBatchError`` when the batch is cut short, contradicts itself or is compressed.
  public init(batch bytes: UnsafeRawBufferPointer) throws(RecordBatchError) {
    let batch = try RecordBatch(head: bytes)
    guard batch.size <= bytes.count else { throw .cutShort(needed: batch.size, available: bytes.count) }
    guard batch.attributes.codec == RecordBatch.Codec.none else { throw .compressed }
    self.bytes = UnsafeRawBufferPointer(rebasing: bytes[..<batch.size])
    self.count = Int(batch.count)
    self.reader = VarintReader(bytes: self.bytes, position: RecordBatch.headSize, end: batch.size)
  }

  /// The next record; nil after the last.
  ///
  /// - Throws: ``RecordBatchError/malformedRecord(_:)`` when a length leaves the record or the batch, or bytes are left.
  public mutating func next() throws(RecordBatchError) -> Record? {
    guard number < count else {
      guard reader.position == reader.end else { throw .malformedRecord(number) }
      return nil
    }
    guard let record = read() else { throw .malformedRecord(number) }
    number += 1
    return record
  }

  /// The headers of a record of this batch: name and value, nil where the value is null.
  ///
  /// - Throws: ``RecordBatchError/malformedRecord(_:)`` when a length leaves the record.
  public func headers(of record: Record) throws(RecordBatchError) -> [(name: Range<Int>, value: Range<Int>?)] {
    var reader = VarintReader(bytes: bytes, position: record.headers.lowerBound, end: record.headers.upperBound)
    var headers: [(name: Range<Int>, value: Range<Int>?)] = []
    for _ in 0..<record.headerCount {
      guard let name = reader.field(), let name, let value = reader.field() else { throw .malformedRecord(number) }
      headers.append((name, value))
    }
    guard reader.position == reader.end else { throw .malformedRecord(number) }
    return headers
  }

  private mutating func read() -> Record? {
    guard let length = reader.next(), length >= 0, length <= Int64(reader.end - reader.position) else { return nil }
    let end = reader.position + Int(length)
    var inside = VarintReader(bytes: bytes, position: reader.position + 1, end: end)  // one byte of unused attributes
    guard let timestampDelta = inside.next(), let offset = inside.next(), let offsetDelta = Int32(exactly: offset),
      offsetDelta >= 0
    else { return nil }
    let content = inside.position
    guard let key = inside.field(), let value = inside.field(),
      let headerCount = inside.next(), headerCount >= 0, headerCount <= Int64(end - inside.position)
    else { return nil }
    reader.position = end
    return Record(
      offsetDelta: offsetDelta, timestampDelta: timestampDelta, key: key, value: value,
      headerCount: Int(headerCount), headers: inside.position..<end, content: content..<end)
  }
}

/// Reads the zigzag varints of records within bounds.
private struct VarintReader {
  let bytes: UnsafeRawBufferPointer
  var position: Int
  let end: Int

  /// The next number; nil when it is cut short or longer than 64 bits.
  mutating func next() -> Int64? {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while position < end, shift < 64 {
      let byte = bytes[position]
      position += 1
      value |= UInt64(byte & 0x7f) << shift
      if byte < 0x80 { return Int64(bitPattern: value >> 1) ^ -Int64(value & 1) }
      shift += 7
    }
    return nil
  }

  /// A length and as many bytes: `.some(nil)` for a null field, nil when it leaves its bounds.
  mutating func field() -> Range<Int>?? {
    guard let length = next() else { return nil }
    if length == -1 { return .some(nil) }
    guard length >= 0, length <= Int64(end - position) else { return nil }
    defer { position += Int(length) }
    return position..<position + Int(length)
  }
}
