import Contract

/// When and how long a member would like to meet. What can be booked is said by the availability, not here.
public struct Preferences: Codable, Sendable, Equatable {
  /// The hours that suit best, by the clock of the member's time zone; at most 28.
  public let hours: WeeklyHours
  /// How many hours a week; null for any.
  public let hoursPerWeek: HoursPerWeek?
  /// How long a session should be, in minutes; null for any.
  public let sessionMinutes: SessionMinutes?

  /// Describes what a member would like; nothing in particular by default.
  public init(
    hours: WeeklyHours = WeeklyHours.none, hoursPerWeek: HoursPerWeek? = nil, sessionMinutes: SessionMinutes? = nil
  ) {
    (self.hours, self.hoursPerWeek, self.sessionMinutes) = (hours, hoursPerWeek, sessionMinutes)
  }

  /// Nothing in particular.
  public static let none = Preferences()
}

/// Spans of the days of a week, in the order of the week; none overlaps another.
public struct WeeklyHours: Codable, Sendable, Equatable {
  private static let limit = 28
  /// No span.
  public static let none = WeeklyHours(known: [])

  /// One span of one day.
  public struct Span: Codable, Sendable, Equatable {
    /// The day.
    public let day: Weekday
    /// When it begins.
    public let start: ClockTime
    /// When it ends: later than it begins.
    public let end: ClockTime

    /// Describes a span.
    public init(day: Weekday, start: ClockTime, end: ClockTime) { (self.day, self.start, self.end) = (day, start, end) }
  }

  /// The spans.
  public let spans: [Span]

  /// Takes spans in any order; throws `InvalidValue` when there are too many, or one is empty or overlaps another.
  public init(_ spans: [Span]) throws(InvalidValue) {
    guard spans.count <= Self.limit else { throw InvalidValue("too_many", "must have at most \(Self.limit) elements") }
    guard spans.allSatisfy({ $0.start < $0.end }) else {
      throw InvalidValue("order", "must end after they begin; what goes over midnight is two spans")
    }
    let sorted = spans.sorted { ($0.day, $0.start) < ($1.day, $1.start) }
    guard zip(sorted, sorted.dropFirst()).allSatisfy({ $0.day != $1.day || $0.end <= $1.start }) else {
      throw InvalidValue("overlap", "must not overlap one another")
    }
    self.spans = sorted
  }

  private init(known spans: [Span]) { self.spans = spans }

  /// Reads a list; throws `InvalidValue` as `init` does.
  public init(from decoder: any Decoder) throws { try self.init([Span](from: decoder)) }

  /// Writes the list.
  public func encode(to encoder: any Encoder) throws { try spans.encode(to: encoder) }
}

extension WeeklyHours: Described {
  /// A list of spans.
  public static var schema: Schema { .array((try? Schema(of: Span.self)) ?? .any, limit: limit) }
  /// No span.
  public static var sample: WeeklyHours { none }
}

/// A day of the week.
public enum Weekday: String, Sendable, Codable, CaseIterable, Comparable {
  case monday, tuesday, wednesday, thursday, friday, saturday, sunday

  /// By the order of the week, which begins on Monday.
  public static func < (left: Weekday, right: Weekday) -> Bool {
    allCases.firstIndex(of: left)! < allCases.firstIndex(of: right)!
  }
}

/// What a clock on a wall shows, to the minute: 00:00 to 24:00, which is the end of a day.
public struct ClockTime: FormedText, Comparable {
  /// Minutes since midnight, 0 to 1440.
  public let minutes: Int

  /// Reads `hh:mm`; nil for anything else.
  public init?(_ description: String) {
    let digits = Array(description.utf8)
    let isForm =
      digits.count == 5 && digits[2] == UInt8(ascii: ":")
      && [0, 1, 3, 4].allSatisfy { (48...57).contains(digits[$0]) }
    guard isForm else { return nil }
    let hours = Int(digits[0] - 48) * 10 + Int(digits[1] - 48)
    let rest = Int(digits[3] - 48) * 10 + Int(digits[4] - 48)
    guard hours < 24 && rest < 60 || hours == 24 && rest == 0 else { return nil }
    minutes = hours * 60 + rest
  }

  /// The text, `hh:mm`.
  public var description: String {
    [minutes / 60, minutes % 60].map { $0 < 10 ? "0\($0)" : "\($0)" }.joined(separator: ":")
  }

  /// By time.
  public static func < (left: ClockTime, right: ClockTime) -> Bool { left.minutes < right.minutes }

  /// What is said about text that is no time.
  public static var malformed: InvalidValue { InvalidValue("time", "must be a time of day such as 18:30") }
  /// Text of five characters.
  public static var schema: Schema { .string(length: 5...5) }
  /// Midnight.
  public static var sample: ClockTime { ClockTime("00:00")! }
}
