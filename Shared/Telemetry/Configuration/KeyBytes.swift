/// A key of exactly `count` bytes, written as hexadecimal digits or as base64 (standard or URL alphabet, padding optional).
public struct KeyBytes<let count: Int>: OptionValue, Equatable {
  /// The key, `count` bytes.
  public let bytes: [UInt8]

  /// What to write.
  public static var expected: String {
    "\(count) bytes as \(count * 2) hexadecimal digits or in base64 (openssl rand -hex \(count))"
  }

  /// Either notation, told apart by the length.
  public init?(option text: String) {
    let isHex = text.utf8.count == count * 2 && text.utf8.allSatisfy(isHexDigit)
    guard let bytes = isHex ? decodeHex(text) : decodeBase64(text), bytes.count == count else { return nil }
    self.bytes = bytes
  }

  /// In hexadecimal digits.
  public var optionText: String { bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() }
}

func isHexDigit(_ byte: UInt8) -> Bool {
  (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte) || (0x41...0x46).contains(byte)
}

/// Two hexadecimal digits a byte; the caller has checked them.
private func decodeHex(_ text: String) -> [UInt8]? {
  let digits = text.utf8.map { $0 < 0x40 ? $0 & 15 : ($0 & 15) + 9 }
  return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}

/// RFC 4648 base64 in either alphabet.
private func decodeBase64(_ text: String) -> [UInt8]? {
  var bytes: [UInt8] = []
  var bits: UInt32 = 0
  var held = 0
  let body = text.utf8.reversed().drop { $0 == 0x3D }.reversed()
  guard text.utf8.count - body.count <= 2 else { return nil }
  for character in body {
    let value: UInt8
    switch character {
    case 0x41...0x5A: value = character - 0x41
    case 0x61...0x7A: value = character - 0x61 + 26
    case 0x30...0x39: value = character - 0x30 + 52
    case 0x2B, 0x2D: value = 62
    case 0x2F, 0x5F: value = 63
    default: return nil
    }
    bits = bits << 6 | UInt32(value)
    held += 6
    if held >= 8 {
      held -= 8
      bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(held)))
    }
  }
  let leftOver = bits & ((1 << UInt32(held)) - 1)  // fewer than 6 bits, which no byte takes
  return held < 6 && leftOver == 0 ? bytes : nil
}
