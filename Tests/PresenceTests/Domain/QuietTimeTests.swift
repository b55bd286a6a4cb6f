import Contract
import PresenceAPI
import Testing

@testable import Presence

@Suite struct QuietTimeTests {
  private func quiet(_ start: String, _ end: String, _ timezone: String) throws -> QuietTime {
    try #require(QuietTime(QuietHours(start: TimeOfDay(start)!, end: TimeOfDay(end)!, timezone: timezone)))
  }

  private func time(_ text: String) -> Timestamp { Timestamp(text)! }

  @Test(arguments: [
    ("22:00", "07:00", "UTC", "2026-03-02T21:59:59Z", false, "2026-03-02T22:00:00Z"),
    ("22:00", "07:00", "UTC", "2026-03-02T22:00:00Z", true, "2026-03-03T07:00:00Z"),
    ("22:00", "07:00", "UTC", "2026-03-03T06:59:59.999Z", true, "2026-03-03T07:00:00Z"),
    ("22:00", "07:00", "UTC", "2026-03-03T07:00:00Z", false, "2026-03-03T22:00:00Z"),
    ("12:00", "13:30", "Europe/Berlin", "2026-03-02T11:00:00Z", true, "2026-03-02T12:30:00Z"),
    ("12:00", "13:30", "Europe/Berlin", "2026-07-02T11:00:00Z", true, "2026-07-02T11:30:00Z"),
    ("22:00", "06:00", "Asia/Kolkata", "2026-03-02T16:29:00Z", false, "2026-03-02T16:30:00Z"),
    ("22:00", "06:00", "America/New_York", "2026-03-02T03:30:00Z", true, "2026-03-02T11:00:00Z"),
    // The clocks go forward at 01:00 UTC on 29 March 2026: the night is an hour shorter.
    ("22:00", "07:00", "Europe/Berlin", "2026-03-28T22:00:00Z", true, "2026-03-29T05:00:00Z"),
    // And back on 25 October: an hour longer.
    ("22:00", "07:00", "Europe/Berlin", "2026-10-24T21:00:00Z", true, "2026-10-25T06:00:00Z"),
  ]) func `quiet hours follow the clock of their place`(
    _ start: String, _ end: String, _ place: String, _ now: String, _ isQuiet: Bool, _ next: String
  ) throws {
    let quiet = try quiet(start, end, place)
    #expect(quiet.contains(time(now)) == isQuiet)
    #expect(quiet.nextChange(after: time(now)) == time(next))
    #expect(quiet.contains(time(next)) != isQuiet)
  }

  @Test func `only places of the time zone database are places`() {
    #expect(QuietTime.isPlace("Europe/Berlin"))
    #expect(QuietTime.isPlace("Asia/Kolkata"))
    #expect(QuietTime.isPlace("UTC"))
    for other in ["Mars/Base", "CST", "Europe", "", "GMT+25"] { #expect(!QuietTime.isPlace(other), "\(other)") }
  }
}
