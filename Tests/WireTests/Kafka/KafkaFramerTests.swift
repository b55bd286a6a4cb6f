import TestKit
import Testing
import Wire

struct KafkaFramerTests {
  @Test func `whole frames are handed out where they lie`() throws {
    var framer = KafkaFramer()
    var chunk = hex("00000002 aabb 00000000 00000001 cc")
    var frames: [[UInt8]] = []
    var places: [Int] = []
    try chunk.withUnsafeMutableBytes { chunk in
      try framer.receive(chunk) { frame in
        frames.append([UInt8](frame))
        places.append(frame.baseAddress! - chunk.baseAddress!)
      }
    }
    #expect(frames == [[0xaa, 0xbb], [], [0xcc]])
    #expect(places == [4, 10, 14])
    #expect(framer.buffered == 0)
  }

  @Test func `a frame may be changed in place`() throws {
    var framer = KafkaFramer()
    var chunk = hex("00000002 aabb")
    try chunk.withUnsafeMutableBytes { chunk in
      try framer.receive(chunk) { $0[1] = 0x77 }
    }
    #expect(chunk == hex("00000002 aa77"))
  }

  @Test func `a stream fed byte by byte gives the same frames and then holds nothing`() throws {
    let stream = hex("00000002 aabb 00000000 00000001 cc 0000000a 00010203040506070809")
    var framer = KafkaFramer()
    var frames: [[UInt8]] = []
    for byte in stream { frames += try receive([byte], &framer) }
    #expect(frames == [[0xaa, 0xbb], [], [0xcc], [UInt8](0...9)])
    #expect(framer.buffered == 0)
  }

  @Test func `a stream cut anywhere gives the same frames`() throws {
    var random = SeededRandom.fromEnvironment()
    for _ in 0..<300 {
      let expected = (0..<Int.random(in: 1...20, using: &random)).map { _ in
        [UInt8](repeating: .random(in: 0...255, using: &random), count: .random(in: 0...300, using: &random))
      }
      var rest = expected.flatMap { frame in withUnsafeBytes(of: Int32(frame.count).bigEndian) { [UInt8]($0) } + frame }
      var framer = KafkaFramer()
      var frames: [[UInt8]] = []
      while !rest.isEmpty {
        let taken = min(rest.count, Int.random(in: 1...400, using: &random))
        frames += try receive([UInt8](rest[..<taken]), &framer)
        rest.removeFirst(taken)
      }
      #expect(frames == expected)
      #expect(framer.buffered == 0)
    }
  }

  @Test(arguments: ["ffffffff", "80000000", "00000065", "7fffffff"])
  func `a length that is negative or too large is refused`(_ digits: String) {
    let length = Int(Int32(truncatingIfNeeded: Int(digits, radix: 16)!))
    let error = KafkaDecodingError(.frameLength(length, maximum: 100), at: 0)
    var framer = KafkaFramer(maximumFrameLength: 100)
    #expect(throws: error) { try receive(hex(digits), &framer) }
    // The same when the length comes in two parts.
    var slow = KafkaFramer(maximumFrameLength: 100)
    #expect(throws: error) {
      _ = try receive([UInt8](hex(digits)[..<3]), &slow)
      _ = try receive([UInt8](hex(digits)[3...]), &slow)
    }
  }

  @Test func `a frame of the largest length is accepted`() throws {
    var framer = KafkaFramer(maximumFrameLength: 100)
    #expect(try receive(hex("00000064") + [UInt8](repeating: 7, count: 100), &framer).map(\.count) == [100])
  }

  @Test func `a claimed length holds no more than the bytes that came`() throws {
    var framer = KafkaFramer()
    #expect(try receive(hex("06400000 aabbcc"), &framer) == [])
    #expect(framer.buffered == 7)
  }

  @Test func `what the handler throws ends the stream`() {
    var framer = KafkaFramer()
    var chunk = hex("00000001 aa 00000001 bb")
    var frames = 0
    #expect(throws: KafkaDecodingError(.invalidUTF8, at: 3)) {
      try chunk.withUnsafeMutableBytes { chunk in
        try framer.receive(chunk) { _ throws(KafkaDecodingError) in
          frames += 1
          throw KafkaDecodingError(.invalidUTF8, at: 3)
        }
      }
    }
    #expect(frames == 1)
  }
}

/// The frames that `bytes` complete.
private func receive(_ bytes: [UInt8], _ framer: inout KafkaFramer) throws(KafkaDecodingError) -> [[UInt8]] {
  var bytes = bytes
  var frames: [[UInt8]] = []
  try bytes.withUnsafeMutableBufferPointer { chunk throws(KafkaDecodingError) in
    try framer.receive(UnsafeMutableRawBufferPointer(chunk)) { frames.append([UInt8]($0)) }
  }
  return frames
}
