/// A moment of the civil calendar, in UTC, to the microsecond (as PostgreSQL keeps it).
///
/// Text is ISO 8601 as the public surface writes it: `2026-03-01T09:30:00.250Z`, with as many digits after the point as
/// are needed: none, three or six. Any offset is read; UTC is written. Leap seconds are read as the second that follows.
public struct Timestamp: Hashable, Comparable, Sendable, Codable, LosslessStringConvertible {
  /// Microseconds since 1970-01-01T00:00:00Z.
  public let microseconds: Int64

  /// Takes microseconds since 1970-01-01T00:00:00Z.
  public init(microseconds: Int64) { self.microseconds = microseconds }

  /// Takes whole milliseconds since 1970-01-01T00:00:00Z, as Kafka counts.
  public init(milliseconds: Int64) { microseconds = milliseconds * 1000 }

  /// Milliseconds since 1970-01-01T00:00:00Z, rounded down.
  public var milliseconds: Int64 { (microseconds - (microseconds % 1000 + 1000) % 1000) / 1000 }

  /// The moment `duration` after `time`, to the microsecond.
  public static func + (time: Timestamp, duration: Duration) -> Timestamp {
    let (seconds, attoseconds) = duration.components
    return Timestamp(microseconds: time.microseconds + seconds * 1_000_000 + attoseconds / 1_000_000_000_000)
  }

  /// The moment `duration` before `time`, to the microsecond.
  public static func - (time: Timestamp, duration: Duration) -> Timestamp { time + (.zero - duration) }

  /// How long `end` is after `start`; negative when it is before.
  public static func - (end: Timestamp, start: Timestamp) -> Duration {
    .microseconds(end.microseconds - start.microseconds)
  }

  /// Orders by time.
  public static func < (left: Timestamp, right: Timestamp) -> Bool { left.microseconds < right.microseconds }

  /// The ISO 8601 text in UTC.
  public var description: String {
    let day = Self.floorDivide(microseconds, 86_400_000_000)
    let inDay = microseconds - day * 86_400_000_000
    let date = Self.date(ofDay: day)
    let seconds = inDay / 1_000_000
    let fraction = inDay % 1_000_000
    let clock = [seconds / 3600, seconds / 60 % 60, seconds % 60].map { Self.padded($0, 2) }.joined(separator: ":")
    let decimals =
      fraction == 0 ? "" : fraction % 1000 == 0 ? "." + Self.padded(fraction / 1000, 3) : "." + Self.padded(fraction, 6)
    return "\(Self.padded(date.year, 4))-\(Self.padded(date.month, 2))-\(Self.padded(date.day, 2))T\(clock)\(decimals)Z"
  }

  /// Reads ISO 8601 with an offset (`Z` or `+hh:mm`), years 0000 to 9999; nil for anything else.
  public init?(_ description: String) {
    var text = Substring(description).utf8
    func number(_ digits: Int) -> Int64? {
      var value: Int64 = 0
      for _ in 0..<digits {
        guard let byte = text.popFirst(), byte >= 48, byte <= 57 else { return nil }
        value = value * 10 + Int64(byte - 48)
      }
      return value
    }
    func skip(_ characters: String) -> Bool { text.popFirst().map { characters.utf8.contains($0) } ?? false }
    guard let year = number(4), skip("-"), let month = number(2), skip("-"), let day = number(2), skip("Tt "),
      let hour = number(2), skip(":"), let minute = number(2), skip(":"), let second = number(2),
      (1...12).contains(month), day >= 1, day <= Self.days(inMonth: month, of: year), hour < 24, minute < 60,
      second <= 60
    else { return nil }
    var fraction: Int64 = 0
    if text.first == UInt8(ascii: ".") {
      text.removeFirst()
      var scale: Int64 = 100_000
      var digits = 0
      while let byte = text.first, byte >= 48, byte <= 57, digits < 9 {
        text.removeFirst()
        fraction += Int64(byte - 48) * scale
        scale /= 10
        digits += 1
      }
      guard digits > 0 else { return nil }
    }
    var offset: Int64 = 0
    switch text.popFirst() {
    case UInt8(ascii: "Z"), UInt8(ascii: "z"): break
    case let sign? where sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-"):
      guard let hours = number(2), skip(":"), let minutes = number(2), hours < 24, minutes < 60 else { return nil }
      offset = (hours * 60 + minutes) * (sign == UInt8(ascii: "+") ? 60 : -60)
    default: return nil
    }
    guard text.isEmpty else { return nil }
    let seconds = Self.day(of: (year, month, day)) * 86_400 + hour * 3600 + minute * 60 + second - offset
    microseconds = seconds * 1_000_000 + fraction
  }

  /// Reads the ISO 8601 text.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let time = Timestamp(try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "is not an ISO 8601 time with an offset")
    }
    self = time
  }

  /// Writes the ISO 8601 text.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }

  // The calendar as arithmetic on eras of 400 years that begin on 1 March, so that the leap day comes last
  // (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").

  private static func day(of date: (year: Int64, month: Int64, day: Int64)) -> Int64 {
    let year = date.month <= 2 ? date.year - 1 : date.year
    let era = floorDivide(year, 400)
    let yearOfEra = year - era * 400
    let dayOfYear = (153 * (date.month > 2 ? date.month - 3 : date.month + 9) + 2) / 5 + date.day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }

  private static func date(ofDay day: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = day + 719_468
    let era = floorDivide(shifted, 146_097)
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let month = (5 * dayOfYear + 2) / 153
    let civilMonth = month < 10 ? month + 3 : month - 9
    let year = yearOfEra + era * 400 + (civilMonth <= 2 ? 1 : 0)
    return (year, civilMonth, dayOfYear - (153 * month + 2) / 5 + 1)
  }

  private static func days(inMonth month: Int64, of year: Int64) -> Int64 {
    let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    return month == 2 ? (isLeap ? 29 : 28) : [4, 6, 9, 11].contains(month) ? 30 : 31
  }

  private static func floorDivide(_ value: Int64, _ by: Int64) -> Int64 {
    value >= 0 ? value / by : -((-value + by - 1) / by)
  }

  private static func padded(_ value: Int64, _ width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}
