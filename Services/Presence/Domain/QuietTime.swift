import Contract
import Foundation
import PresenceAPI

/// Quiet hours by the clock of a place that exists.
struct QuietTime: Equatable, Sendable {
  private static let day = 1440

  /// The hours, as the member gave them.
  let hours: QuietHours
  private let zone: TimeZone

  /// Nil when there is no such place.
  init?(_ hours: QuietHours) {
    guard let zone = TimeZone(identifier: hours.timezone) else { return nil }
    (self.hours, self.zone) = (hours, zone)
  }

  /// Whether a name is one of the time zone database, and no abbreviation, which means several places or none.
  static func isPlace(_ timezone: String) -> Bool {
    timezone == "UTC" || timezone.contains("/") && TimeZone(identifier: timezone) != nil
  }

  /// Whether it is quiet.
  func contains(_ now: Timestamp) -> Bool {
    let (minute, start, end) = (minuteOfDay(now), hours.start.minutes, hours.end.minutes)
    return start < end ? (start..<end).contains(minute) : minute >= start || minute < end
  }

  /// When that changes.
  func nextChange(after now: Timestamp) -> Timestamp {
    let boundary = contains(now) ? hours.end.minutes : hours.start.minutes
    let ahead = (boundary - minuteOfDay(now) + Self.day - 1) % Self.day + 1
    let wholeMinute = Timestamp(microseconds: now.microseconds / 60_000_000 * 60_000_000)
    let next = wholeMinute + .seconds(60 * ahead)
    // The clocks may be changed in between.
    let shifted = next + .seconds(offset(at: now) - offset(at: next))
    return shifted > now ? shifted : next
  }

  private func minuteOfDay(_ time: Timestamp) -> Int {
    let minutes = Int(time.microseconds / 60_000_000) + offset(at: time) / 60
    return (minutes % Self.day + Self.day) % Self.day
  }

  /// Seconds east of Greenwich.
  private func offset(at time: Timestamp) -> Int {
    zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(time.microseconds) / 1e6))
  }
}
