import Contract

/// What a member gives to friends to sign up with: 1 to 32 letters, digits and hyphens, kept in upper case.
public struct ReferralCode: Hashable, Sendable, Codable, CustomStringConvertible {
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

  /// Reads the text; throws `InvalidValue` for what is no code.
  public init(from decoder: any Decoder) throws {
    guard let code = ReferralCode(try decoder.singleValueContainer().decode(String.self)) else {
      throw InvalidValue("referral_code", "must be 1 to \(Self.maximumLength) letters, digits and hyphens")
    }
    self = code
  }

  /// Writes the text.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }
}

extension ReferralCode: Described {
  /// Text of limited length.
  public static var schema: Schema { .string(length: 1...maximumLength) }
  /// Some code.
  public static var sample: ReferralCode { ReferralCode("CODE")! }
}
