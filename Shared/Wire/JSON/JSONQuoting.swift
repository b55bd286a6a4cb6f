/// Writes text as a string of JSON (RFC 8259 §7): with its quotes, and with escapes only where they have to be.
public enum JSONQuoting {
  /// Appends `text`.
  public static func append(_ text: String, to output: inout [UInt8]) {
    var text = text
    text.withUTF8 { append($0, to: &output) }
  }

  /// Appends text that is UTF-8 already, unchecked.
  public static func append(_ utf8: [UInt8], to output: inout [UInt8]) {
    utf8.withUnsafeBufferPointer { append($0, to: &output) }
  }

  /// `text` with its quotes.
  public static func quoted(_ text: String) -> [UInt8] {
    var output: [UInt8] = []
    output.reserveCapacity(text.utf8.count + 2)
    append(text, to: &output)
    return output
  }

  private static func append(_ utf8: UnsafeBufferPointer<UInt8>, to output: inout [UInt8]) {
    output.append(UInt8(ascii: "\""))
    var plain = 0
    for index in utf8.indices {
      let byte = utf8[index]
      guard byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else { continue }
      output.append(contentsOf: utf8[plain..<index])
      escape(byte, to: &output)
      plain = index + 1
    }
    output.append(contentsOf: utf8[plain...])
    output.append(UInt8(ascii: "\""))
  }

  private static func escape(_ byte: UInt8, to output: inout [UInt8]) {
    output.append(UInt8(ascii: "\\"))
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): output.append(byte)
    case 0x0a: output.append(UInt8(ascii: "n"))
    case 0x0d: output.append(UInt8(ascii: "r"))
    case 0x09: output.append(UInt8(ascii: "t"))
    default:
      let digits: StaticString = "0123456789abcdef"
      output.append(contentsOf: "u00".utf8)
      output.append(digits.utf8Start[Int(byte >> 4)])
      output.append(digits.utf8Start[Int(byte & 15)])
    }
  }
}
