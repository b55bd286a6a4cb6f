/// What is known of a segment up to a size that is safely on disk: its index, and the producers' state at that point.
///
/// Written beside the segment (`.index`) only after the segment's bytes were synced, so it is at once the index, the
/// producer snapshot and the recovery point: a start trusts the bytes below `size` and reads only those beyond. Losing
/// the file loses nothing but time. Integers are little-endian; a CRC-32C at the end covers all of it.
struct Checkpoint: Equatable, Sendable {
  private static let signature: UInt64 = 0x3130_7864_6e49_6d53  // "SmIndx01"

  var baseOffset: Int64
  /// Bytes of the segment that this speaks of.
  var size: Int
  /// The offset after the last record below `size`.
  var nextOffset: Int64
  var maxTimestamp: Int64
  /// When the segment got its first batch, in milliseconds since 1970; -1 while it has none.
  var startedAt: Int64
  var index: SegmentIndex
  var producers: ProducerTable

  func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(64 + 16 * index.entries.count + 128 * producers.producers.count)
    bytes.append(integer: Self.signature)
    bytes.append(integer: baseOffset)
    bytes.append(integer: Int64(size))
    bytes.append(integer: nextOffset)
    bytes.append(integer: maxTimestamp)
    bytes.append(integer: startedAt)
    producers.encode(into: &bytes)
    bytes.append(integer: UInt32(index.entries.count))
    for entry in index.entries {
      bytes.append(integer: entry.offsetDelta)
      bytes.append(integer: entry.position)
      bytes.append(integer: entry.maxTimestampBefore)
    }
    bytes.append(integer: bytes.withUnsafeBytes { crc32c($0) })
    return bytes
  }

  init(
    baseOffset: Int64, size: Int, nextOffset: Int64, maxTimestamp: Int64, startedAt: Int64, index: SegmentIndex,
    producers: ProducerTable
  ) {
    self.baseOffset = baseOffset
    self.size = size
    self.nextOffset = nextOffset
    self.maxTimestamp = maxTimestamp
    self.startedAt = startedAt
    self.index = index
    self.producers = producers
  }

  /// Reads the checkpoint of the segment at `baseOffset`; nil when the bytes are not one, or of another segment.
  init?(_ bytes: [UInt8], baseOffset: Int64, segmentBytes: Int, producerCapacity: Int) {
    guard bytes.count > 4 else { return nil }
    let checksum = bytes.withUnsafeBytes { crc32c(UnsafeRawBufferPointer(rebasing: $0[..<(bytes.count - 4)])) }
    var reader = CheckpointReader(bytes: bytes)
    guard reader.integer(UInt64.self) == Self.signature, reader.integer(Int64.self) == baseOffset,
      let size = reader.integer(Int64.self), size >= 0, let nextOffset = reader.integer(Int64.self),
      nextOffset >= baseOffset, let maxTimestamp = reader.integer(Int64.self),
      let startedAt = reader.integer(Int64.self),
      let producers = ProducerTable(from: &reader, capacity: producerCapacity),
      let count = reader.integer(UInt32.self), Int(count) * 16 + 4 == reader.remaining
    else { return nil }
    self.init(
      baseOffset: baseOffset, size: Int(size), nextOffset: nextOffset, maxTimestamp: maxTimestamp,
      startedAt: startedAt, index: SegmentIndex(segmentBytes: segmentBytes), producers: producers)
    index.entries.reserveCapacity(Int(count))
    for _ in 0..<count {
      guard let delta = reader.integer(UInt32.self), let position = reader.integer(UInt32.self),
        let maxTimestampBefore = reader.integer(Int64.self)
      else { return nil }
      index.entries.append(
        SegmentIndex.Entry(offsetDelta: delta, position: position, maxTimestampBefore: maxTimestampBefore))
    }
    guard reader.integer(UInt32.self) == checksum else { return nil }
  }
}

/// Reads little-endian integers within bounds.
struct CheckpointReader {
  private let bytes: [UInt8]
  private var position = 0

  init(bytes: [UInt8]) { self.bytes = bytes }

  var remaining: Int { bytes.count - position }

  mutating func integer<T: FixedWidthInteger & BitwiseCopyable>(_: T.Type) -> T? {
    let size = MemoryLayout<T>.size
    guard remaining >= size else { return nil }
    defer { position += size }
    return T(littleEndian: bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: position, as: T.self) })
  }
}

extension [UInt8] {
  /// Appends an integer, least significant byte first.
  mutating func append(integer: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: integer.littleEndian) { append(contentsOf: $0) }
  }
}
