import Contract

/// What a member gives to friends to sign up with: 1 to 32 letters, digits and hyphens, kept in upper case.
public struct ReferralCode: FormedText {
  private static let maximumLength = 32

  /// The code.
  public let text: String

  /// Reads a code; nil for what is none.
  public init?(_ text: String) {
    let isCode = text.utf8.allSatisfy {
      (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == UInt8(ascii: "-")
    }
    guard (1...Self.maximumLength).contains(text.utf8.count), isCode else { return nil }
    self.text = text.uppercased()
  }

  /// The code.
  public var description: String { text }

  /// What is said about text that is no code.
  public static var malformed: InvalidValue {
    InvalidValue("referral_code", "must be 1 to \(Self.maximumLength) letters, digits and hyphens")
  }
  /// Text of limited length.
  public static var schema: Schema { .string(length: 1...maximumLength) }
  /// Some code.
  public static var sample: ReferralCode { ReferralCode("CODE")! }
}
