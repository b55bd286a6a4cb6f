import CSodium

/// Hexadecimal digits (RFC 4648, section 8), in a time that does not depend on the bytes.
public enum Hex {
  /// Two lower-case digits a byte.
  public static func encode(_ bytes: some Collection<UInt8>) -> String {
    bytes.withBytes { bytes in
      text(capacity: bytes.count * 2 + 1) { sodium_bin2hex($0, bytes.count * 2 + 1, bytes.start, bytes.count) }
    }
  }

  /// The bytes of `text`; nil unless it is pairs of digits, of either case, and nothing else.
  public static func decode(_ text: some StringProtocol) -> [UInt8]? {
    guard text.utf8.count.isMultiple(of: 2) else { return nil }
    return decoded(text, capacity: text.utf8.count / 2) { output, capacity, input, count, length, end in
      sodium_hex2bin(output, capacity, input, count, nil, &length, &end)
    }
  }
}

/// base64 with the URL alphabet and without padding (RFC 4648, section 5), as JOSE and links use it; in a time that does
/// not depend on the bytes.
public enum Base64URL {
  private static let variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING

  /// The text for `bytes`.
  public static func encode(_ bytes: some Collection<UInt8>) -> String {
    bytes.withBytes { bytes in
      let capacity = sodium_base64_encoded_len(bytes.count, variant)
      return text(capacity: capacity) { sodium_bin2base64($0, capacity, bytes.start, bytes.count, variant) }
    }
  }

  /// The bytes of `text`; nil unless `encode` would have written exactly it.
  public static func decode(_ text: some StringProtocol) -> [UInt8]? {
    decoded(text, capacity: text.utf8.count / 4 * 3 + 2) { output, capacity, input, count, length, end in
      sodium_base642bin(output, capacity, input, count, nil, &length, &end, variant)
    }
  }
}

/// A text of `capacity - 1` characters, written with a zero behind it as C does.
private func text(capacity: Int, _ fill: (UnsafeMutablePointer<CChar>) -> UnsafeMutablePointer<CChar>?) -> String {
  String(unsafeUninitializedCapacity: capacity) { buffer in
    buffer.withMemoryRebound(to: CChar.self) { _ = fill($0.baseAddress!) }
    return capacity - 1
  }
}

/// Runs one of libsodium's decoders over the whole of `text`.
private func decoded(
  _ text: some StringProtocol, capacity: Int,
  _ decode: (
    _ output: UnsafeMutablePointer<UInt8>, _ capacity: Int, _ input: UnsafePointer<CChar>, _ count: Int,
    _ length: inout Int, _ end: inout UnsafePointer<CChar>?
  ) -> Int32
) -> [UInt8]? {
  text.utf8.withBytes { input in
    guard let start = input.baseAddress, !input.isEmpty else { return [] }
    return start.withMemoryRebound(to: CChar.self, capacity: input.count) { start in
      var status: Int32 = -1
      let bytes = [UInt8](unsafeUninitializedCapacity: capacity) { output, length in
        var end: UnsafePointer<CChar>?
        status = decode(output.baseAddress!, capacity, start, input.count, &length, &end)
        // libsodium stops at the first character it does not know and calls what came before it a success.
        if end != start + input.count { status = -1 }
        if status != 0 { length = 0 }
      }
      return status == 0 ? bytes : nil
    }
  }
}
