/// A universally unique identifier. New ones are of version 7 (RFC 9562, section 5.7): they begin with the time of their
/// making, so that rows and log lines sort by age.
///
/// Text is the canonical form of 36 characters, written in lower case and read in either case.
public struct UniqueID: Hashable, Comparable, Sendable, Codable, LosslessStringConvertible {
  /// The first eight bytes, in network order.
  public let high: UInt64
  /// The last eight bytes, in network order.
  public let low: UInt64

  /// Takes the sixteen bytes as two big-endian halves.
  public init(high: UInt64, low: UInt64) { (self.high, self.low) = (high, low) }

  /// Makes a version 7 identifier for the time `now`.
  public init(at now: Timestamp, using random: inout some RandomNumberGenerator) {
    let milliseconds = UInt64(max(0, now.microseconds / 1000)) & 0xffff_ffff_ffff
    high = milliseconds << 16 | 0x7000 | random.next() & 0x0fff
    low = 0x8000_0000_0000_0000 | random.next() >> 2
  }

  /// Makes a version 7 identifier for the time `now` from the system's randomness.
  public init(at now: Timestamp) {
    var random = SystemRandomNumberGenerator()
    self.init(at: now, using: &random)
  }

  /// Reads the canonical text; nil for anything else.
  public init?(_ description: String) {
    var halves: (UInt64, UInt64) = (0, 0)
    var digits = 0
    var position = 0
    for byte in description.utf8 {
      let mustBeHyphen = position == 8 || position == 13 || position == 18 || position == 23
      position += 1
      if mustBeHyphen {
        guard byte == UInt8(ascii: "-") else { return nil }
        continue
      }
      guard digits < 32, let value = Self.hexValue(byte) else { return nil }
      if digits < 16 { halves.0 = halves.0 << 4 | value } else { halves.1 = halves.1 << 4 | value }
      digits += 1
    }
    guard position == 36, digits == 32 else { return nil }
    (high, low) = halves
  }

  private static func hexValue(_ byte: UInt8) -> UInt64? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(byte - UInt8(ascii: "a") + 10)
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt64(byte - UInt8(ascii: "A") + 10)
    default: nil
    }
  }

  /// The canonical text.
  public var description: String {
    String(unsafeUninitializedCapacity: 36) { buffer in
      let digits: StaticString = "0123456789abcdef"
      var position = 0
      for index in 0..<32 {
        if index == 8 || index == 12 || index == 16 || index == 20 {
          buffer[position] = UInt8(ascii: "-")
          position += 1
        }
        let half = index < 16 ? high : low
        let nibble = Int(half >> UInt64(60 - 4 * (index % 16)) & 15)
        buffer[position] = digits.utf8Start[nibble]
        position += 1
      }
      return 36
    }
  }

  /// Orders by bytes, which for version 7 is by age.
  public static func < (left: UniqueID, right: UniqueID) -> Bool { (left.high, left.low) < (right.high, right.low) }

  /// Reads the canonical text.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let id = UniqueID(try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "is not a UUID")
    }
    self = id
  }

  /// Writes the canonical text.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

/// The identifier of one kind of thing, so that a member's never passes for a session's.
///
///     public enum Conversation {}
///     public typealias ConversationID = ID<Conversation>
public struct ID<Kind>: Hashable, Comparable, Sendable, Codable, LosslessStringConvertible {
  /// The identifier without its kind.
  public let value: UniqueID

  /// Says of what kind an identifier is.
  public init(_ value: UniqueID) { self.value = value }

  /// Makes a new identifier for the time `now`.
  public init(at now: Timestamp) { value = UniqueID(at: now) }

  /// Reads the canonical text; nil for anything else.
  public init?(_ description: String) {
    guard let value = UniqueID(description) else { return nil }
    self.value = value
  }

  /// The canonical text.
  public var description: String { value.description }

  /// Orders by age.
  public static func < (left: ID, right: ID) -> Bool { left.value < right.value }

  /// Reads the canonical text.
  public init(from decoder: any Decoder) throws { value = try UniqueID(from: decoder) }

  /// Writes the canonical text.
  public func encode(to encoder: any Encoder) throws { try value.encode(to: encoder) }
}

/// A registered person.
public enum Member {}
/// Identifies a member everywhere in the mesh.
public typealias MemberID = ID<Member>

/// One sign-in of a member on one device.
public enum AuthSession {}
/// Identifies a sign-in; it lasts as long as its refresh tokens are rotated.
public typealias AuthSessionID = ID<AuthSession>
