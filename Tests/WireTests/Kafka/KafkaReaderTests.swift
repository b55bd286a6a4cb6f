import TestKit
import Testing
import Wire

struct KafkaReaderTests {
  @Test func `integers are big-endian and signed`() throws {
    let bytes = hex("ff 8001 80000002 8000000000000003 02")
    let values = try read(bytes) { reader throws(KafkaDecodingError) in
      (try reader.int8(), try reader.int16(), try reader.int32(), try reader.int64(), try reader.bool())
    }
    #expect(values == (-1, -32767, Int32.min + 2, Int64.min + 3, true))
  }

  @Test func `a field past the end says what it needed`() {
    #expect(throws: KafkaDecodingError(.truncated(needed: 4, left: 3), at: 2)) {
      try read(hex("0000 000000")) { reader throws(KafkaDecodingError) in
        _ = try reader.int16()
        _ = try reader.int32()
      }
    }
  }

  @Test func `strings may be empty or null`() throws {
    let strings = try read(hex("0002 c3a4 0000 ffff")) { reader throws(KafkaDecodingError) in
      [try reader.nullableString(), try reader.nullableString(), try reader.nullableString()]
    }
    #expect(strings == ["ä", "", nil])
  }

  @Test func `compact strings may be empty or null`() throws {
    let strings = try read(hex("03 c3a4 01 00")) { reader throws(KafkaDecodingError) in
      reader.isFlexible = true
      return [try reader.nullableString(), try reader.nullableString(), try reader.nullableString()]
    }
    #expect(strings == ["ä", "", nil])
  }

  @Test(arguments: [
    ("ffff", KafkaDecodingError(.unexpectedNull, at: 0)),
    ("fffe", KafkaDecodingError(.negativeLength(-2), at: 0)),
    ("0003 6162", KafkaDecodingError(.truncated(needed: 3, left: 2), at: 2)),
    ("0002 c328", KafkaDecodingError(.invalidUTF8, at: 0)),
    ("7fff", KafkaDecodingError(.truncated(needed: 32767, left: 0), at: 2)),
  ])
  func `a string that must be there is refused`(_ digits: String, _ error: KafkaDecodingError) {
    #expect(throws: error) {
      try read(hex(digits)) { reader throws(KafkaDecodingError) in try reader.string() }
    }
  }

  @Test(arguments: [
    ("ffffffff", KafkaDecodingError(.unexpectedNull, at: 0)),
    ("80000000", KafkaDecodingError(.negativeLength(Int(Int32.min)), at: 0)),
    ("7fffffff 00000000", KafkaDecodingError(.tooManyElements(Int(Int32.max)), at: 0)),
    ("00000005 00000000", KafkaDecodingError(.tooManyElements(5), at: 0)),
    ("00000002 00000000", KafkaDecodingError(.truncated(needed: 4, left: 0), at: 8)),
  ])
  func `an array that cannot be there is refused`(_ digits: String, _ error: KafkaDecodingError) {
    #expect(throws: error) {
      try read(hex(digits)) { reader throws(KafkaDecodingError) in try reader.int32s() }
    }
  }

  @Test func `a frame holds no more than a million elements over all its arrays`() throws {
    let half = 500_000
    let array = { (count: Int) in
      withUnsafeBytes(of: Int32(count).bigEndian) { [UInt8]($0) } + [UInt8](repeating: 0, count: 2 * count)
    }
    let counts = try read(array(half) + array(half)) { reader throws(KafkaDecodingError) in
      [try reader.strings().count, try reader.strings().count]
    }
    #expect(counts == [half, half])
    #expect(throws: KafkaDecodingError(.tooManyElements(half + 1), at: 4 + 2 * half)) {
      try read(array(half) + array(half + 1)) { reader throws(KafkaDecodingError) in
        _ = try reader.strings()
        _ = try reader.strings()
      }
    }
  }

  @Test(arguments: [
    ("00", 0), ("7f", 127), ("80 01", 128), ("ac 02", 300), ("ff ff ff ff 0f", UInt32.max),
  ])
  func `variable-length integers have seven bits a byte, lowest first`(_ digits: String, _ value: UInt32) throws {
    #expect(try read(hex(digits)) { reader throws(KafkaDecodingError) in try reader.unsignedVarint() } == value)
    var writer = KafkaWriter()
    writer.unsignedVarint(value)
    #expect(writer.finish().bytes == hex(digits))
  }

  @Test(arguments: ["ff ff ff ff 10", "ff ff ff ff ff 01", "80 80 80 80 80"])
  func `a variable-length integer beyond 32 bits is refused`(_ digits: String) {
    #expect(throws: KafkaDecodingError(.varintTooLong, at: 0)) {
      try read(hex(digits)) { reader throws(KafkaDecodingError) in try reader.unsignedVarint() }
    }
  }

  @Test func `tagged fields are skipped and bounded`() throws {
    try read(hex("02 00 01 aa 07 00")) { reader throws(KafkaDecodingError) in
      reader.isFlexible = true
      try reader.skipTaggedFields()
    }
    #expect(throws: KafkaDecodingError(.truncated(needed: 9, left: 1), at: 3)) {
      try read(hex("01 00 09 aa")) { reader throws(KafkaDecodingError) in
        reader.isFlexible = true
        try reader.skipTaggedFields()
      }
    }
    #expect(throws: KafkaDecodingError(.tooManyElements(127), at: 0)) {
      try read(hex("7f 00 00")) { reader throws(KafkaDecodingError) in
        reader.isFlexible = true
        try reader.skipTaggedFields()
      }
    }
  }

  @Test func `an error code that we do not know is an unknown server error`() throws {
    let errors = try read(hex("0003 7000 ffff")) { reader throws(KafkaDecodingError) in
      [try reader.error(), try reader.error(), try reader.error()]
    }
    #expect(errors == [.unknownTopicOrPartition, .unknownServerError, .unknownServerError])
  }

  @Test func `time spans are written in whole milliseconds and clamped`() {
    var writer = KafkaWriter()
    writer.milliseconds(.microseconds(1999))
    writer.milliseconds(.seconds(-1))
    writer.milliseconds(.seconds(1 << 40))
    writer.longMilliseconds(.seconds(Int64.max))
    writer.longMilliseconds(.seconds(-86_400))
    #expect(
      writer.finish().bytes
        == hex("00000001 fffffc18 7fffffff 7fffffffffffffff") + hex("fffffffffad9a400"))
  }

  @Test(arguments: [false, true])
  func `a string too long for its length field is cut between characters`(_ isFlexible: Bool) throws {
    for count in 32_765...32_775 {
      var writer = KafkaWriter()
      writer.isFlexible = isFlexible
      writer.string(String(repeating: "a", count: count - 8) + "ää😀")
      let bytes = writer.finish().bytes
      let string = try read(bytes) { reader throws(KafkaDecodingError) in
        reader.isFlexible = isFlexible
        return try reader.string()
      }
      #expect(string.utf8.count <= KafkaWriter.maximumString)
      #expect(string.utf8.count >= min(count, KafkaWriter.maximumString - 4))
      #expect(string.hasPrefix(String(repeating: "a", count: 32_757)))
    }
  }

  @Test func `random bytes never decode out of bounds`() {
    var random = SeededRandom.fromEnvironment()
    for _ in 0..<2000 {
      let bytes = (0..<Int.random(in: 0...64, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
      for sample in KafkaSample.all {
        guard let message = try? sample.recoded(bytes, sample.versions.upperBound) else { continue }
        #expect((try? sample.recoded(message, sample.versions.upperBound)) == message, "\(bytes)")
      }
    }
  }
}
