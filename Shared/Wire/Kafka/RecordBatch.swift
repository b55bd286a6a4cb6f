/// The head of one record batch in Kafka's format v2 (KIP-98), read out of its bytes.
///
/// All numbers on the wire are big-endian. A batch of `size` bytes begins with a head of 61; its records follow,
/// compressed as a whole when the attributes name a codec:
///
///      0  base offset        8  length of what follows    12  partition leader epoch   16  magic (2)
///     17  CRC-32C           21  attributes                23  last offset delta        27  base timestamp
///     35  max timestamp     43  producer id               51  producer epoch           53  base sequence
///     57  record count      61  records
///
/// The checksum covers everything from the attributes on, so the base offset and the leader epoch may be set by the
/// broker without touching it.
public struct RecordBatch: Equatable, Sendable {
  /// Bytes before the first record.
  public static let headSize = 61
  /// Where the bytes that the checksum covers begin; they end with the batch.
  public static let checksumStart = 21
  /// Bytes before those that the length field counts.
  static let prefixSize = 12
  /// The shortest record: a length and six fields of one byte each.
  static let minimumRecordSize = 7

  /// Offset of the first record.
  public var baseOffset: Int64
  /// Bytes of the whole batch, head included.
  public var size: Int
  /// Epoch of the leader that appended the batch; set by the broker.
  public var leaderEpoch: Int32
  /// The CRC-32C that the producer computed.
  public var checksum: UInt32
  /// Codec and flags.
  public var attributes: Attributes
  /// Offset of the last record, relative to the first; kept when compaction removes records.
  public var lastOffsetDelta: Int32
  /// What the records' timestamp deltas count from, in milliseconds since 1970.
  public var baseTimestamp: Int64
  /// The latest timestamp of any record, in milliseconds since 1970.
  public var maxTimestamp: Int64
  /// The idempotent producer's id, or -1.
  public var producerID: Int64
  /// The idempotent producer's epoch, or -1.
  public var producerEpoch: Int16
  /// Sequence number of the first record, or -1.
  public var baseSequence: Int32
  /// How many records the batch holds.
  public var count: Int32

  /// Offset of the last record.
  public var lastOffset: Int64 { baseOffset &+ Int64(lastOffsetDelta) }
  /// Whether an idempotent producer wrote it.
  public var isIdempotent: Bool { producerID >= 0 }

  /// Reads and checks the head of the batch that begins `bytes`; the records need not be there yet.
  ///
  /// - Throws: ``RecordBatchError`` when the head is cut short or contradicts itself.
  public init(head bytes: UnsafeRawBufferPointer) throws(RecordBatchError) {
    guard bytes.count >= Self.headSize else {
      throw .cutShort(needed: Self.headSize, available: bytes.count)
    }
    let magic: Int8 = bytes.bigEndian(at: 16)
    guard magic == 2 else { throw .unknownMagic(magic) }
    let length: Int32 = bytes.bigEndian(at: 8)
    guard length >= Int32(Self.headSize - Self.prefixSize), length <= .max - Int32(Self.prefixSize) else {
      throw .impossibleLength(length)
    }
    baseOffset = bytes.bigEndian(at: 0)
    size = Int(length) + Self.prefixSize
    leaderEpoch = bytes.bigEndian(at: 12)
    checksum = bytes.bigEndian(at: 17)
    attributes = Attributes(rawValue: bytes.bigEndian(at: 21))
    lastOffsetDelta = bytes.bigEndian(at: 23)
    baseTimestamp = bytes.bigEndian(at: 27)
    maxTimestamp = bytes.bigEndian(at: 35)
    producerID = bytes.bigEndian(at: 43)
    producerEpoch = bytes.bigEndian(at: 51)
    baseSequence = bytes.bigEndian(at: 53)
    count = bytes.bigEndian(at: 57)

    guard let codec = attributes.codec else { throw .unknownCodec(attributes.rawValue & 7) }
    guard baseOffset >= 0, lastOffsetDelta >= 0, baseOffset <= .max - Int64(lastOffsetDelta) - 1 else {
      throw .impossibleOffsets(base: baseOffset, lastDelta: lastOffsetDelta)
    }
    guard count >= 0, Int(count) <= Int(lastOffsetDelta) + 1 else {
      throw .impossibleCount(count, lastDelta: lastOffsetDelta)
    }
    guard codec != .none || Int(count) * Self.minimumRecordSize <= size - Self.headSize else {
      throw .impossibleCount(count, lastDelta: lastOffsetDelta)
    }
    guard producerID < 0 || (producerEpoch >= 0 && baseSequence >= 0) else {
      throw .impossibleProducer(id: producerID, epoch: producerEpoch, sequence: baseSequence)
    }
  }

  /// How many offsets a batch of `size` bytes may have taken although its head contradicts itself; nil unless it says
  /// that it is just as long. A generous guess: whoever recovers a log must not give out an offset twice.
  public static func possibleOffsets(in head: UnsafeRawBufferPointer, size: Int) -> Int64? {
    guard head.count >= headSize else { return nil }
    let length: Int32 = head.bigEndian(at: 8)
    guard Int(length) + prefixSize == size else { return nil }
    let lastOffsetDelta: Int32 = head.bigEndian(at: 23)
    let isPlausible = lastOffsetDelta >= 0 && Int(lastOffsetDelta) < size
    return isPlausible ? Int64(lastOffsetDelta) + 1 : Int64(size / minimumRecordSize) + 1
  }

  /// Writes the offset of the first record into the batch that begins `bytes`.
  public static func setBaseOffset(_ offset: Int64, in bytes: UnsafeMutableRawBufferPointer) {
    bytes.setBigEndian(offset, at: 0)
  }

  /// Writes the partition leader's epoch into the batch that begins `bytes`.
  public static func setLeaderEpoch(_ epoch: Int32, in bytes: UnsafeMutableRawBufferPointer) {
    bytes.setBigEndian(epoch, at: 12)
  }
}

extension RecordBatch {
  /// A batch's codec and flags.
  public struct Attributes: RawRepresentable, Equatable, Sendable {
    /// The sixteen bits as on the wire.
    public var rawValue: Int16

    /// Any sixteen bits; those without a meaning are kept.
    public init(rawValue: Int16) { self.rawValue = rawValue }

    /// How the records are compressed; nil when no codec has that number.
    public var codec: Codec? { Codec(rawValue: rawValue & 7) }
    /// Whether every record's timestamp is the batch's latest, set by the broker.
    public var isLogAppendTime: Bool { rawValue & 8 != 0 }
    /// Whether the batch belongs to a transaction.
    public var isTransactional: Bool { rawValue & 16 != 0 }
    /// Whether it holds a transaction's marker instead of an application's records.
    public var isControl: Bool { rawValue & 32 != 0 }
    /// Whether the base timestamp says from when on compaction may drop the batch's tombstones (KIP-534).
    public var hasDeleteHorizon: Bool {
      get { rawValue & 64 != 0 }
      set { rawValue = newValue ? rawValue | 64 : rawValue & ~64 }
    }
  }

  /// How the records of a batch are compressed.
  public enum Codec: Int16, Sendable {
    case none, gzip, snappy, lz4, zstd
  }
}

/// What is wrong with the bytes of a record batch.
public enum RecordBatchError: Error, Equatable, CustomStringConvertible {
  /// The bytes end before the batch, or its head, does.
  case cutShort(needed: Int, available: Int)
  /// Not format v2: the older message sets, or no batch at all.
  case unknownMagic(Int8)
  /// A length field that no batch can have.
  case impossibleLength(Int32)
  /// A codec number without a meaning.
  case unknownCodec(Int16)
  /// Offsets that are negative or overflow.
  case impossibleOffsets(base: Int64, lastDelta: Int32)
  /// More records than offsets, or than the bytes could hold.
  case impossibleCount(Int32, lastDelta: Int32)
  /// A producer id with a negative epoch or sequence.
  case impossibleProducer(id: Int64, epoch: Int16, sequence: Int32)
  /// A record that leaves its bounds; the number counts from 0 within the batch.
  case malformedRecord(Int)
  /// Records asked of a compressed batch.
  case compressed

  /// One sentence for a log line.
  public var description: String {
    switch self {
    case .cutShort(let needed, let available): "record batch cut short: \(available) of \(needed) bytes"
    case .unknownMagic(let magic): "record batch of format \(magic); only format 2 is supported"
    case .impossibleLength(let length): "record batch with an impossible length field \(length)"
    case .unknownCodec(let codec): "record batch with the unknown codec \(codec)"
    case .impossibleOffsets(let base, let delta): "record batch with base offset \(base) and last delta \(delta)"
    case .impossibleCount(let count, let delta): "record batch with \(count) records and last offset delta \(delta)"
    case .impossibleProducer(let id, let epoch, let sequence):
      "record batch of producer \(id) with epoch \(epoch) and sequence \(sequence)"
    case .malformedRecord(let number): "record \(number) of its batch is malformed"
    case .compressed: "the records of a compressed batch cannot be read without its codec"
    }
  }
}

/// Walks the batches that lie one after another in a buffer; the bytes must outlive it.
public struct RecordBatchCursor {
  private let bytes: UnsafeRawBufferPointer
  private var position = 0

  /// Begins at the first of `bytes`.
  public init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// The next batch and where its bytes lie; nil at the end.
  ///
  /// - Throws: ``RecordBatchError`` when the batch is cut short or contradicts itself.
  public mutating func next() throws(RecordBatchError) -> (batch: RecordBatch, range: Range<Int>)? {
    guard position < bytes.count else { return nil }
    let batch = try RecordBatch(head: UnsafeRawBufferPointer(rebasing: bytes[position...]))
    guard batch.size <= bytes.count - position else {
      throw .cutShort(needed: batch.size, available: bytes.count - position)
    }
    defer { position += batch.size }
    return (batch, position..<position + batch.size)
  }
}

extension UnsafeRawBufferPointer {
  /// The integer at `offset`, most significant byte first; the caller has checked the bounds.
  @inline(__always)
  func bigEndian<T: FixedWidthInteger & BitwiseCopyable>(at offset: Int) -> T {
    T(bigEndian: loadUnaligned(fromByteOffset: offset, as: T.self))
  }
}

extension UnsafeMutableRawBufferPointer {
  /// Stores `value` at `offset`, most significant byte first; the caller has checked the bounds.
  @inline(__always)
  func setBigEndian<T: FixedWidthInteger & BitwiseCopyable>(_ value: T, at offset: Int) {
    storeBytes(of: value.bigEndian, toByteOffset: offset, as: T.self)
  }
}
