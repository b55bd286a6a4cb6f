import TestKit
import Testing
import Wire

struct KafkaMessageTests {
  @Test func `every message has a sample`() {
    #expect(KafkaSample.all.count == 2 * KafkaAPI.allCases.count)
    for api in KafkaAPI.allCases {
      let name = "\(api)".prefix(1).uppercased() + "\(api)".dropFirst()
      #expect(KafkaSample.named(name + "Request") != nil, "\(name)Request")
      #expect(KafkaSample.named(name + "Response") != nil, "\(name)Response")
    }
  }

  @Test func `every message in every version has the bytes that another implementation gives it`() throws {
    var checked = 0
    for golden in try Golden.all() {
      let sample = try #require(KafkaSample.named(golden.name), "\(golden.name)")
      for version in golden.versions {
        #expect(sample.encoded(version) == golden.body, "\(golden.name) version \(version)")
        #expect(try sample.recoded(golden.body, version) == golden.body, "\(golden.name) version \(version)")
        checked += 1
      }
    }
    #expect(checked == KafkaSample.all.reduce(0) { $0 + $1.versions.count })
  }

  /// Save OffsetCommit's retention time, which only older versions have.
  @Test(arguments: KafkaSample.all)
  func `the newest version keeps every field`(_ sample: KafkaSample) throws {
    let version = sample.versions.upperBound
    #expect(try sample.isEqual(sample.encoded(version), version))
  }

  @Test(arguments: KafkaSample.all)
  func `a message cut at any byte is refused`(_ sample: KafkaSample) {
    for version in sample.versions {
      let whole = sample.encoded(version)
      for length in 0..<whole.count {
        #expect(throws: KafkaDecodingError.self, "version \(version) cut to \(length) bytes") {
          try sample.recoded([UInt8](whole[..<length]), version)
        }
      }
    }
  }

  @Test(arguments: KafkaSample.all)
  func `bytes after a message are noticed`(_ sample: KafkaSample) {
    for version in sample.versions {
      let whole = sample.encoded(version)
      // Two, since of one request one byte too many is forgiven (`ListGroupsRequest`).
      #expect(throws: KafkaDecodingError(.trailingBytes(2), at: whole.count)) {
        try sample.recoded(whole + [0, 0], version)
      }
    }
  }

  @Test(arguments: KafkaSample.all)
  func `a damaged message is refused or decodes to something that encodes and decodes alike`(
    _ sample: KafkaSample
  ) throws {
    var random = SeededRandom.fromEnvironment("damaged \(sample.name)")
    for _ in 0..<3000 {
      let version = sample.versions.randomElement(using: &random)!
      let damaged = damage(sample.encoded(version), using: &random)
      guard let recoded = try? sample.recoded(damaged, version) else { continue }
      #expect(try sample.recoded(recoded, version) == recoded, "\(damaged) in version \(version)")
    }
  }
}

/// One entry of `kafkaGoldens`.
private struct Golden {
  var name: Substring
  var versions: ClosedRange<Int16>
  var body: [UInt8]

  static func all() throws -> [Golden] {
    var goldens: [Golden] = []
    for line in kafkaGoldens.split(separator: "\n") {
      if line.hasPrefix(" ") {
        goldens[goldens.count - 1].body += hex(String(line.dropFirst(2)))
        continue
      }
      let words = line.split(separator: " ")
      let bounds = words[1].split(separator: "-").compactMap { Int16($0) }
      goldens.append(Golden(name: words[0], versions: bounds[0]...bounds[1], body: []))
    }
    return goldens
  }
}

/// `bytes` after one to four random changes: bits flipped, bytes replaced by extremes, cut out, doubled or moved.
private func damage(_ bytes: [UInt8], using random: inout SeededRandom) -> [UInt8] {
  var bytes = bytes
  for _ in 0..<Int.random(in: 1...4, using: &random) {
    guard let place = bytes.indices.randomElement(using: &random) else {
      bytes.append(UInt8.random(in: 0...255, using: &random))
      continue
    }
    switch Int.random(in: 0..<6, using: &random) {
    case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    case 1: bytes[place] = [0, 1, 0x7f, 0x80, 0xff].randomElement(using: &random)!
    case 2: bytes[place] = UInt8.random(in: 0...255, using: &random)
    case 3: bytes.remove(at: place)
    case 4: bytes.insert(bytes[place], at: place)
    default:
      for index in place..<min(place + 4, bytes.count) { bytes[index] = Bool.random(using: &random) ? 0xff : 0 }
    }
  }
  return bytes
}
