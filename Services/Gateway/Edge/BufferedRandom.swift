import Crypto

/// The system's randomness, fetched some hundred numbers at a time: each request needs a few, and asking the kernel costs
/// more than all else that is done with them. For identifiers, not for keys.
struct BufferedRandom: RandomNumberGenerator {
  private static let size = 512
  private var numbers: [UInt64] = []

  mutating func next() -> UInt64 {
    if numbers.isEmpty {
      randomBytes(Self.size * 8).withUnsafeBytes { bytes in
        for index in 0..<Self.size { numbers.append(bytes.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self)) }
      }
    }
    return numbers.removeLast()
  }
}
