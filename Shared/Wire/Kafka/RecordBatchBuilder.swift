/// Writes an uncompressed record batch: for the broker's own topics, compaction, and tests.
public struct RecordBatchBuilder {
  /// The head as it will be written; size, checksum, count and latest timestamp are filled in by ``finish(checksum:)``.
  private var head: Head
  private var bytes: [UInt8]
  private var count: Int32 = 0
  private var lastOffsetDelta: Int32 = -1
  private var maxTimestamp: Int64 = -1

  private struct Head {
    var baseOffset: Int64
    var baseTimestamp: Int64
    var attributes: Int16
    var producerID: Int64
    var producerEpoch: Int16
    var baseSequence: Int32
    var leaderEpoch: Int32
  }

  /// Begins a batch whose first record is at `baseOffset`; without a producer it is not idempotent.
  public init(
    baseOffset: Int64 = 0, baseTimestamp: Int64, producerID: Int64 = -1, producerEpoch: Int16 = -1,
    baseSequence: Int32 = -1
  ) {
    head = Head(
      baseOffset: baseOffset, baseTimestamp: baseTimestamp, attributes: 0, producerID: producerID,
      producerEpoch: producerEpoch, baseSequence: baseSequence, leaderEpoch: 0)
    bytes = [UInt8](repeating: 0, count: RecordBatch.headSize)
  }

  /// Begins a batch that stays without records and covers offsets that no record has any more.
  public init(covering baseOffset: Int64, lastOffsetDelta: Int32) {
    self.init(baseOffset: baseOffset, baseTimestamp: -1)
    self.lastOffsetDelta = lastOffsetDelta
  }

  /// Begins a batch that takes some of the records of `original`: same offsets, producer and flags.
  ///
  /// With a `deleteHorizon` the batch says from when on its tombstones may go (KIP-534).
  public init(rewriting original: RecordBatch, deleteHorizon: Int64? = nil) {
    var attributes = original.attributes
    if deleteHorizon != nil { attributes.hasDeleteHorizon = true }
    head = Head(
      baseOffset: original.baseOffset, baseTimestamp: deleteHorizon ?? original.baseTimestamp,
      attributes: attributes.rawValue, producerID: original.producerID, producerEpoch: original.producerEpoch,
      baseSequence: original.baseSequence, leaderEpoch: original.leaderEpoch)
    bytes = [UInt8](repeating: 0, count: RecordBatch.headSize)
    lastOffsetDelta = original.lastOffsetDelta
  }

  /// Whether no record was added.
  public var isEmpty: Bool { count == 0 }

  /// Adds a record at the next offset.
  public mutating func append(
    key: [UInt8]?, value: [UInt8]?, headers: [(name: String, value: [UInt8]?)] = [], timestamp: Int64
  ) {
    var content: [UInt8] = []
    content.appendField(key)
    content.appendField(value)
    content.appendVarint(Int64(headers.count))
    for header in headers {
      content.appendField(Array(header.name.utf8))
      content.appendField(header.value)
    }
    lastOffsetDelta += 1
    content.withUnsafeBytes { append(content: $0, offsetDelta: lastOffsetDelta, timestamp: timestamp) }
  }

  /// Adds a record of another batch as it is encoded there (``Record/content``).
  public mutating func append(content: UnsafeRawBufferPointer, offsetDelta: Int32, timestamp: Int64) {
    let timestampDelta = timestamp &- head.baseTimestamp
    let length = 1 + varintSize(timestampDelta) + varintSize(Int64(offsetDelta)) + content.count
    bytes.appendVarint(Int64(length))
    bytes.append(0)
    bytes.appendVarint(timestampDelta)
    bytes.appendVarint(Int64(offsetDelta))
    bytes.append(contentsOf: content)
    count += 1
    lastOffsetDelta = max(lastOffsetDelta, offsetDelta)
    maxTimestamp = max(maxTimestamp, timestamp)
  }

  /// The bytes of the batch, with the CRC-32C that `checksum` computes over the part it is given.
  public consuming func finish(checksum: (UnsafeRawBufferPointer) -> UInt32) -> [UInt8] {
    let head = head
    let (count, lastOffsetDelta, maxTimestamp) = (count, lastOffsetDelta, maxTimestamp)
    bytes.withUnsafeMutableBytes { bytes in
      bytes.setBigEndian(head.baseOffset, at: 0)
      bytes.setBigEndian(Int32(bytes.count - RecordBatch.prefixSize), at: 8)
      bytes.setBigEndian(head.leaderEpoch, at: 12)
      bytes.setBigEndian(Int8(2), at: 16)
      bytes.setBigEndian(head.attributes, at: 21)
      bytes.setBigEndian(max(lastOffsetDelta, 0), at: 23)
      bytes.setBigEndian(head.baseTimestamp, at: 27)
      bytes.setBigEndian(maxTimestamp, at: 35)
      bytes.setBigEndian(head.producerID, at: 43)
      bytes.setBigEndian(head.producerEpoch, at: 51)
      bytes.setBigEndian(head.baseSequence, at: 53)
      bytes.setBigEndian(count, at: 57)
      let covered = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[RecordBatch.checksumStart...])
      bytes.setBigEndian(checksum(covered), at: 17)
    }
    return bytes
  }
}

/// Bytes of a number as a zigzag varint.
private func varintSize(_ number: Int64) -> Int {
  let zigzag = UInt64(bitPattern: number << 1 ^ number >> 63)
  return max(1, (UInt64.bitWidth - zigzag.leadingZeroBitCount + 6) / 7)
}

extension [UInt8] {
  fileprivate mutating func appendVarint(_ number: Int64) {
    var zigzag = UInt64(bitPattern: number << 1 ^ number >> 63)
    while zigzag >= 0x80 {
      append(UInt8(truncatingIfNeeded: zigzag) | 0x80)
      zigzag >>= 7
    }
    append(UInt8(zigzag))
  }

  fileprivate mutating func appendField(_ field: [UInt8]?) {
    guard let field else { return appendVarint(-1) }
    appendVarint(Int64(field.count))
    append(contentsOf: field)
  }
}
