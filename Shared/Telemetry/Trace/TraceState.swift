/// What tracing systems pass along beside the trace's ids: the `tracestate` header of W3C Trace Context, section 3.3.
/// We add no entry of our own and hand on what came, within its limits.
public struct TraceState: Sendable, Hashable {
  /// The header's value, entries joined by commas; at most 512 characters. Empty means: send no header.
  public let text: String

  /// Nothing to pass along.
  public init() { text = "" }

  /// Reads the header's value; several headers count as one, joined by commas. Nil when it is not well-formed: a key or
  /// value breaks the grammar, a key comes twice, or there are more than 32 entries. Of a state longer than 512
  /// characters whole entries are left out, first those longer than 128, then from the end.
  public init?(_ bytes: some Collection<UInt8>) {
    guard bytes.count <= 8_192 else { return nil }
    var entries: [(key: ArraySlice<UInt8>, whole: ArraySlice<UInt8>)] = []
    for part in Array(bytes).split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
      let whole = part.trimming { $0 == 0x20 || $0 == 0x09 }
      if whole.isEmpty { continue }
      guard let equals = whole.firstIndex(of: UInt8(ascii: "=")) else { return nil }
      let key = whole[..<equals]
      guard Self.isKey(key), Self.isValue(whole[(equals + 1)...]) else { return nil }
      guard entries.count < 32, !entries.contains(where: { $0.key == key }) else { return nil }
      entries.append((key, whole))
    }
    var kept = entries.map(\.whole)
    func length() -> Int { kept.reduce(max(0, kept.count - 1)) { $0 + $1.count } }
    while length() > 512, let long = kept.lastIndex(where: { $0.count > 128 }) { kept.remove(at: long) }
    while length() > 512 { kept.removeLast() }
    text = String(decoding: Array(kept.joined(separator: [UInt8(ascii: ",")])), as: UTF8.self)
  }

  /// `simple-key` or `tenant@system`.
  private static func isKey(_ key: ArraySlice<UInt8>) -> Bool {
    let parts = key.split(separator: UInt8(ascii: "@"), omittingEmptySubsequences: false)
    guard parts.allSatisfy({ $0.allSatisfy(isKeyCharacter) }), let first = parts[0].first else { return false }
    switch parts.count {
    case 1: return isLowercase(first) && key.count <= 256
    case 2:
      return parts[0].count <= 241 && parts[1].count <= 14 && parts[1].first.map(isLowercase) == true
        && (isLowercase(first) || isDigit(first))
    default: return false
    }
  }

  /// Up to 256 printable characters without `,` and `=`, the last one not a blank.
  private static func isValue(_ value: ArraySlice<UInt8>) -> Bool {
    (1...256).contains(value.count) && value.last != 0x20
      && value.allSatisfy { (0x20...0x7E).contains($0) && $0 != UInt8(ascii: ",") && $0 != UInt8(ascii: "=") }
  }

  private static func isKeyCharacter(_ byte: UInt8) -> Bool {
    isLowercase(byte) || isDigit(byte) || "_-*/".utf8.contains(byte)
  }

  private static func isLowercase(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte) }
  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}

extension ArraySlice {
  fileprivate func trimming(_ isBlank: (Element) -> Bool) -> ArraySlice {
    var rest = drop(while: isBlank)
    while let last = rest.last, isBlank(last) { rest.removeLast() }
    return rest
  }
}
