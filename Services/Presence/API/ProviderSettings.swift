import Contract

/// How a provider is available.
public struct Availability: Codable, Sendable, Equatable {
  /// With so many sessions at once the provider is busy.
  public var maxConcurrentSessions: SessionLimit
  /// Whether sessions may take place online.
  public var acceptsOnline: Bool
  /// Whether sessions may take place in person.
  public var acceptsInPerson: Bool
  /// When the provider is away at best, every day; null for never.
  public var quietHours: QuietHours?

  /// Describes a provider: one session at once, online, at any hour by default.
  public init(
    maxConcurrentSessions: SessionLimit = .one, acceptsOnline: Bool = true, acceptsInPerson: Bool = false,
    quietHours: QuietHours? = nil
  ) {
    (self.maxConcurrentSessions, self.quietHours) = (maxConcurrentSessions, quietHours)
    (self.acceptsOnline, self.acceptsInPerson) = (acceptsOnline, acceptsInPerson)
  }
}

/// A span of each day by the clock of a place. It may go over midnight.
public struct QuietHours: Codable, Sendable, Equatable, Hashable {
  /// When it begins.
  public let start: TimeOfDay
  /// When it ends.
  public let end: TimeOfDay
  /// By whose clock: a name of the IANA time zone database, as "Europe/Berlin".
  public let timezone: String

  /// Describes a span.
  public init(start: TimeOfDay, end: TimeOfDay, timezone: String) {
    (self.start, self.end, self.timezone) = (start, end, timezone)
  }
}

/// What a clock on a wall shows: "22:30".
public struct TimeOfDay: FormedText {
  /// Minutes since midnight, 0 to 1439.
  public let minutes: Int

  /// Takes minutes since midnight; nil when they are not of one day.
  public init?(minutes: Int) {
    guard (0..<1440).contains(minutes) else { return nil }
    self.minutes = minutes
  }

  /// Reads `hh:mm`; nil for anything else.
  public init?(_ description: String) {
    let digits = Array(description.utf8)
    guard digits.count == 5, digits[2] == UInt8(ascii: ":"),
      [0, 1, 3, 4].allSatisfy({ (48...57).contains(digits[$0]) })
    else { return nil }
    let (hours, minutes) = (
      Int(digits[0] - 48) * 10 + Int(digits[1] - 48), Int(digits[3] - 48) * 10 + Int(digits[4] - 48)
    )
    guard hours < 24, minutes < 60 else { return nil }
    self.minutes = hours * 60 + minutes
  }

  /// The text, `hh:mm`.
  public var description: String {
    [minutes / 60, minutes % 60].map { $0 < 10 ? "0\($0)" : "\($0)" }.joined(separator: ":")
  }

  /// What is said about text that is no time.
  public static var malformed: InvalidValue { InvalidValue("time", "must be a time of day such as 22:30") }
  /// Text.
  public static var schema: Schema { .string(length: 5...5) }
  /// Midnight.
  public static var sample: TimeOfDay { TimeOfDay(minutes: 0)! }
}

/// How many sessions somebody has at once at most: 1 to 100.
public struct SessionLimit: BoundedNumber {
  public static let range = 1...100
  /// One after the other.
  public static let one = SessionLimit(known: 1)
  public static let sample = one

  public let number: Int

  public init(known number: Int) { self.number = number }
}

/// One's own settings as a provider.
public struct ProviderSettings: Endpoint {
  public static let name = "presence.provider-settings"
  public static let route: Route? = .get("/api/v1/me/provider-settings", .member)

  public typealias Reply = Availability

  /// Asks for them.
  public init() {}
}

/// Replaces one's own settings as a provider.
public struct ChangeProviderSettings: Endpoint {
  public static let name = "presence.change-provider-settings"
  public static let route: Route? = .put("/api/v1/me/provider-settings", .member)

  public typealias Reply = Availability

  /// With so many sessions at once the provider is busy.
  public let maxConcurrentSessions: SessionLimit
  /// Whether sessions may take place online.
  public let acceptsOnline: Bool
  /// Whether sessions may take place in person.
  public let acceptsInPerson: Bool
  /// When the provider is away at best; null for never.
  public let quietHours: QuietHours?

  /// Asks for these.
  public init(_ availability: Availability) {
    maxConcurrentSessions = availability.maxConcurrentSessions
    (acceptsOnline, acceptsInPerson) = (availability.acceptsOnline, availability.acceptsInPerson)
    quietHours = availability.quietHours
  }

  /// The settings that are asked for.
  public var availability: Availability {
    Availability(
      maxConcurrentSessions: maxConcurrentSessions, acceptsOnline: acceptsOnline, acceptsInPerson: acceptsInPerson,
      quietHours: quietHours)
  }
}
