import Contract
import Foundation
import TestKit
import Testing

@Suite struct TimestampTests {
  @Test(arguments: [
    ("1970-01-01T00:00:00Z", 0), ("2026-03-01T09:30:00.250Z", 1_772_357_400_250_000),
    ("1969-12-31T23:59:59.999999Z", -1), ("0000-01-01T00:00:00Z", -62_167_219_200_000_000),
    ("9999-12-31T23:59:59Z", 253_402_300_799_000_000), ("2000-02-29T00:00:00Z", 951_782_400_000_000),
  ])
  func `text and microseconds belong to one another`(text: String, microseconds: Int64) {
    #expect(Timestamp(text)?.microseconds == microseconds)
    #expect(Timestamp(microseconds: microseconds).description == text)
  }

  @Test func `any offset is read`() {
    #expect(Timestamp("2026-03-01T10:30:00+01:00") == Timestamp("2026-03-01T09:30:00Z"))
    #expect(Timestamp("2026-02-28t22:30:00.5-11:00") == Timestamp("2026-03-01T09:30:00.500Z"))
  }

  @Test(arguments: [
    "", "2026-03-01", "2026-03-01T09:30:00", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
    "2026-03-32T00:00:00Z", "2026-03-01T24:00:00Z", "2026-03-01T09:60:00Z", "2026-03-01T09:30:00.Z",
    "2026-03-01T09:30:00+1:00",
    "2026-03-01T09:30:00Zx", "02026-03-01T09:30:00Z", "1900-02-29T00:00:00Z",
  ])
  func `what is no time with an offset is refused`(text: String) {
    #expect(Timestamp(text) == nil)
  }

  @Test func `the calendar agrees with Foundation's over ten thousand years`() {
    var random = SeededRandom.fromEnvironment()
    let formatter = ISO8601DateFormatter()
    for _ in 0..<2000 {
      let seconds = Int64.random(in: -12_000_000_000...253_402_300_799, using: &random)
      let time = Timestamp(microseconds: seconds * 1_000_000)
      #expect(time.description == formatter.string(from: Date(timeIntervalSince1970: Double(seconds))))
      #expect(Timestamp(time.description) == time)
    }
  }

  @Test func `durations are added and measured to the microsecond`() {
    let start = Timestamp("2026-03-01T09:30:00Z")!
    #expect((start + .seconds(90)).description == "2026-03-01T09:31:30Z")
    #expect((start - .microseconds(1)).description == "2026-03-01T09:29:59.999999Z")
    #expect((start + .milliseconds(1500)) - start == .milliseconds(1500))
    #expect(Timestamp(microseconds: -1).milliseconds == -1)
  }
}
