import Contract
import Foundation

/// The hours of each day in which a provider need not answer, in their own time zone. They may go over midnight.
struct QuietHours: Equatable {
  /// Longer waits are not looked at day by day.
  private static let dayLimit = 62

  /// Minutes after midnight at which they begin.
  let start: Int
  /// Minutes after midnight at which they end; of the next day when it is not later than the start.
  let end: Int
  private let calendar: Calendar

  /// Nil unless both are minutes of a day, they differ, and there is such a time zone.
  init?(start: Int, end: Int, timezone: String) {
    guard (0..<1440).contains(start), (0..<1440).contains(end), start != end,
      let zone = TimeZone(identifier: timezone)
    else { return nil }
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = zone
    (self.start, self.end, self.calendar) = (start, end, calendar)
  }

  /// How much of the time from `begin` to `finish` lies outside of them.
  func counted(from begin: Timestamp, to finish: Timestamp) -> Duration {
    guard finish > begin else { return .zero }
    var quiet = Duration.zero
    var day = calendar.date(byAdding: .day, value: -1, to: calendar.startOfDay(for: Date(begin))) ?? Date(begin)
    let last = Date(finish)
    for _ in 0..<Self.dayLimit where day <= last {
      guard let next = calendar.date(byAdding: .day, value: 1, to: day) else { break }
      let from = Timestamp(moment(start, of: day))
      let to = Timestamp(moment(end, of: end > start ? day : next))
      let overlap = min(to, finish) - max(from, begin)
      if overlap > .zero { quiet += overlap }
      day = next
    }
    return max(.zero, finish - begin - quiet)
  }

  /// The moment of a day; where clocks skip it, the first one after.
  private func moment(_ minute: Int, of day: Date) -> Date {
    calendar.date(bySettingHour: minute / 60, minute: minute % 60, second: 0, of: day) ?? day
  }
}

extension Date {
  fileprivate init(_ time: Timestamp) { self.init(timeIntervalSince1970: Double(time.microseconds) / 1_000_000) }
}

extension Timestamp {
  fileprivate init(_ date: Date) {
    self.init(microseconds: Int64((date.timeIntervalSince1970 * 1_000_000).rounded()))
  }
}
