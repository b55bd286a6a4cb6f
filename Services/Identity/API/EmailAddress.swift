import Contract

/// An e-mail address in the one form in which it is kept and compared: without spaces around it and in lower case.
///
/// The grammar is the part of RFC 5321 (section 4.1.2) that mail systems accept from one another: a local part of atoms
/// joined by dots, and a domain of at least two labels. Quoted local parts, address literals, comments and characters
/// beyond ASCII are refused. At most 254 characters, of which 64 before the at sign (section 4.5.3.1).
public struct EmailAddress: FormedText {
  /// The longest address, in characters.
  public static let maximumLength = 254
  private static let maximumLocalLength = 64
  private static let maximumLabelLength = 63

  /// The address.
  public let text: String

  /// Reads an address; nil for what is none.
  public init?(_ text: String) {
    // Leaves room for spaces around it, and reads no novel.
    guard text.utf8.count <= 2 * Self.maximumLength else { return nil }
    let address = text.trimmed.lowercased()
    let parts = address.utf8.split(separator: UInt8(ascii: "@"), omittingEmptySubsequences: false)
    guard address.utf8.count <= Self.maximumLength, parts.count == 2, Self.isLocalPart(parts[0]),
      Self.isDomain(parts[1])
    else { return nil }
    self.text = address
  }

  /// What stands before the at sign.
  public var localPart: Substring { text.prefix { $0 != "@" } }

  /// The address.
  public var description: String { text }

  private static func isLocalPart(_ part: Substring.UTF8View) -> Bool {
    let atoms = part.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    return part.count <= maximumLocalLength
      && atoms.allSatisfy {
        !$0.isEmpty && $0.allSatisfy { isAlphanumeric($0) || "!#$%&'*+-/=?^_`{|}~".utf8.contains($0) }
      }
  }

  private static func isDomain(_ part: Substring.UTF8View) -> Bool {
    let labels = part.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard labels.count >= 2, let top = labels.last, !top.allSatisfy({ (48...57).contains($0) }) else { return false }
    return labels.allSatisfy { label in
      (1...maximumLabelLength).contains(label.count) && label.first != UInt8(ascii: "-")
        && label.last != UInt8(ascii: "-") && label.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") }
    }
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
  }

  /// What is said about text that is no address.
  public static var malformed: InvalidValue {
    InvalidValue("email", "must be an e-mail address such as name@example.org")
  }
  /// Text in the format `email`.
  public static var schema: Schema { .string(length: 3...maximumLength, format: "email") }
  /// An address that belongs to nobody (RFC 2606).
  public static var sample: EmailAddress { EmailAddress("nobody@example.org")! }
}
