import CChecksum
import Testing

@testable import Broker

@Suite struct `CRC-32C` {
  /// RFC 3720, appendix B.4, and the usual check value.
  static let vectors: [(bytes: [UInt8], checksum: UInt32)] = [
    ([], 0),
    (Array("123456789".utf8), 0xe306_9283),
    ([UInt8](repeating: 0, count: 32), 0x8a91_36aa),
    ([UInt8](repeating: 0xff, count: 32), 0x62a8_ab43),
    (Array(0..<32), 0x46dd_794e),
    (Array((0..<32).reversed()), 0x113f_db5c),
  ]

  @Test(arguments: vectors) func `the published vectors come out`(bytes: [UInt8], checksum: UInt32) {
    #expect(checksum_crc32c(0, bytes, bytes.count) == checksum)
    #expect(checksum_crc32c_portable(0, bytes, bytes.count) == checksum)
  }

  @Test func `both paths agree at every length and alignment, in one piece or two`() {
    var random = Seeded()
    let bytes = (0..<300).map { _ in UInt8.random(in: 0...255, using: &random) }
    bytes.withUnsafeBytes { all in
      for start in 0..<9 {
        for end in start...all.count {
          let part = UnsafeRawBufferPointer(rebasing: all[start..<end])
          let whole = checksum_crc32c_portable(0, part.baseAddress, part.count)
          let half = part.count / 2
          let first = crc32c(UnsafeRawBufferPointer(rebasing: part[..<half]))
          #expect(crc32c(part) == whole)
          #expect(crc32c(UnsafeRawBufferPointer(rebasing: part[half...]), from: first) == whole)
        }
      }
    }
  }
}
