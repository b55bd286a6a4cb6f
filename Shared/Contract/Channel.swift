/// A stream of pushes that clients subscribe to, by its name: 1 to 164 of `A-Z a-z 0-9 _ - = @ , . ;`, the names that the
/// Pusher Channels protocol allows.
public struct Channel: Hashable, Sendable, Codable, LosslessStringConvertible {
  /// What a subscriber has to be, which the name's beginning says.
  public enum Kind: Sendable {
    /// Anybody.
    case open
    /// `private-`: a member whom the owning service admits.
    case restricted
    /// `presence-`: the same, and subscribers see who else is there.
    case presence
  }

  /// The name.
  public let description: String

  private static let longest = 164

  /// Reads a name; nil for one that no channel can have.
  public init?(_ description: String) {
    let isLegal = description.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "="),
        UInt8(ascii: "@"), UInt8(ascii: ","), UInt8(ascii: "."), UInt8(ascii: ";"):
        true
      default: false
      }
    }
    guard isLegal, (1...Self.longest).contains(description.utf8.count) else { return nil }
    self.description = description
  }

  fileprivate init(checked description: String) { self.description = description }

  /// What `member` alone may hear: notifications, sessions, credits.
  public static func user(_ member: MemberID) -> Channel { Channel(checked: "private-user-\(member)") }

  /// Whether `member` is there.
  public static func presence(of member: MemberID) -> Channel { Channel(checked: "presence-user-\(member)") }

  /// What a subscriber has to be.
  public var kind: Kind {
    if description.hasPrefix("private-") { return .restricted }
    return description.hasPrefix("presence-") ? .presence : .open
  }

  /// Reads a name.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let channel = Channel(try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "is not a channel's name")
    }
    self = channel
  }

  /// Writes the name.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

extension Channel: Described {
  /// Text.
  public static var schema: Schema { .string(length: 1...longest) }
  /// Some name.
  public static var sample: Channel { Channel(checked: "sample") }
}

/// The names of a family of channels, with one value in braces at the end: `presence-conversation-{conversation}`.
public struct ChannelPattern: Hashable, Sendable, Codable, ExpressibleByStringLiteral, CustomStringConvertible {
  /// What all names of the family begin with.
  public let prefix: String
  /// The name of the value that follows.
  public let parameter: String

  /// Reads a pattern; nil unless it ends with its only value in braces.
  public init?(_ description: String) {
    guard let open = description.firstIndex(of: "{"), description.last == "}" else { return nil }
    prefix = String(description[..<open])
    parameter = String(description[description.index(after: open)...].dropLast())
    guard Channel(prefix) != nil, !parameter.isEmpty, !parameter.contains(where: { "{}".contains($0) }) else {
      return nil
    }
  }

  /// Takes a pattern that stands in the code.
  public init(stringLiteral value: String) {
    guard let pattern = ChannelPattern(value) else { preconditionFailure("\(value) is not a channel pattern") }
    self = pattern
  }

  /// The pattern with its braces.
  public var description: String { "\(prefix){\(parameter)}" }

  /// The value in the name of `channel`; nil when it is of another family.
  public func value(in channel: Channel) -> String? {
    guard channel.description.hasPrefix(prefix) else { return nil }
    let value = channel.description.dropFirst(prefix.count)
    return value.isEmpty ? nil : String(value)
  }

  /// The family's channel for an identifier.
  public func channel<Kind>(_ id: ID<Kind>) -> Channel { Channel(checked: "\(prefix)\(id)") }

  /// Reads a pattern.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let pattern = ChannelPattern(try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "is not a channel pattern")
    }
    self = pattern
  }

  /// Writes the pattern.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

extension ChannelPattern: Described {
  /// Text.
  public static var schema: Schema { .string() }
  /// Some pattern.
  public static var sample: ChannelPattern { "sample-{value}" }
}
