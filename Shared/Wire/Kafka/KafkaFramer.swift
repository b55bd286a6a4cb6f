/// Splits a byte stream into Kafka frames: a big-endian length of four bytes, then that many bytes.
///
/// A frame that lies whole in a chunk is handed out where it is. Only a frame cut by the end of a chunk is copied, into
/// a buffer that grows as its bytes arrive, never by its claimed length, and that is given back with its last byte: an
/// idle connection holds nothing.
public struct KafkaFramer: ~Copyable {
  /// The longest frame accepted, in bytes, its length field not counted.
  public let maximumFrameLength: Int

  /// The start of a frame that is not whole yet, its length field included.
  private var partial: [UInt8] = []

  /// A framer at the start of a stream. Frames longer than `maximumFrameLength` bytes are refused.
  public init(maximumFrameLength: Int = 100 * 1024 * 1024) {
    self.maximumFrameLength = maximumFrameLength
  }

  /// How many bytes of a cut frame are held.
  public var buffered: Int { partial.count }

  /// Takes the next bytes of the stream and calls `handle` with each frame they complete, in order, the length field
  /// left out. The frame is valid, and may be changed in place, until `handle` returns.
  ///
  /// Throws when a length is negative or above the limit, and whatever `handle` throws; the stream is then lost, and
  /// the framer must not be used again.
  public mutating func receive(
    _ chunk: UnsafeMutableRawBufferPointer,
    _ handle: (UnsafeMutableRawBufferPointer) throws(KafkaDecodingError) -> Void
  ) throws(KafkaDecodingError) {
    var rest = chunk
    if !partial.isEmpty {
      guard try completePartial(from: &rest) else { return }
      var whole: [UInt8] = []
      swap(&whole, &partial)
      try whole.withUnsafeMutableBufferPointer { bytes throws(KafkaDecodingError) in
        try handle(UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(bytes)[4...]))
      }
    }
    while rest.count >= 4 {
      let end = 4 + (try checked(Self.length(UnsafeRawBufferPointer(rest))))
      guard end <= rest.count else { break }
      try handle(UnsafeMutableRawBufferPointer(rebasing: rest[4..<end]))
      rest = UnsafeMutableRawBufferPointer(rebasing: rest[end...])
    }
    partial.append(contentsOf: rest)
  }

  /// Moves bytes from `rest` until the cut frame is whole; false when there were not enough.
  private mutating func completePartial(
    from rest: inout UnsafeMutableRawBufferPointer
  ) throws(KafkaDecodingError) -> Bool {
    if partial.count < 4 { fillPartial(to: 4, from: &rest) }
    guard partial.count >= 4 else { return false }
    let length = try checked(partial.withUnsafeBytes { Self.length($0) })
    fillPartial(to: 4 + length, from: &rest)
    return partial.count == 4 + length
  }

  private mutating func fillPartial(to count: Int, from rest: inout UnsafeMutableRawBufferPointer) {
    let taken = min(count - partial.count, rest.count)
    partial.append(contentsOf: rest[..<taken])
    rest = UnsafeMutableRawBufferPointer(rebasing: rest[taken...])
  }

  /// The length field at the start of `bytes`.
  private static func length(_ bytes: UnsafeRawBufferPointer) -> Int {
    Int(Int32(bigEndian: bytes.loadUnaligned(as: Int32.self)))
  }

  private func checked(_ length: Int) throws(KafkaDecodingError) -> Int {
    guard (0...maximumFrameLength).contains(length) else {
      throw KafkaDecodingError(.frameLength(length, maximum: maximumFrameLength), at: 0)
    }
    return length
  }
}
