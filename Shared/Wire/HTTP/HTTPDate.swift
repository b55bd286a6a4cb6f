/// The time as headers carry it, to the second: `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7).
public enum HTTPDate {
  private static let days: [StaticString] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
  private static let months: [StaticString] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]

  /// `seconds` since 1970 UTC, written out: 29 bytes.
  ///
  /// - Precondition: the year is between 1970 and 9999.
  public static func encode(_ seconds: Int) -> [UInt8] {
    let (day, time) = seconds.quotientAndRemainder(dividingBy: 86_400)
    let date = civil(day: day)
    precondition(seconds >= 0 && date.year <= 9999, "\(seconds) s since 1970 cannot be written as an HTTP date")
    var output: [UInt8] = []
    output.reserveCapacity(29)
    output.append(text: days[day % 7])
    output.append(text: ", ")
    output.append(twoDigits: date.day)
    output.append(.space)
    output.append(text: months[date.month - 1])
    output.append(.space)
    output.append(twoDigits: date.year / 100)
    output.append(twoDigits: date.year % 100)
    output.append(.space)
    output.append(twoDigits: time / 3600)
    output.append(.colon)
    output.append(twoDigits: time / 60 % 60)
    output.append(.colon)
    output.append(twoDigits: time % 60)
    output.append(text: " GMT")
    return output
  }

  /// Seconds since 1970 UTC; nil when `text` is not exactly a date of this form. The two obsolete forms are not
  /// read: a condition on such a date is ignored, which only costs a longer answer.
  public static func decode(_ text: Span<UInt8>) -> Int? {
    guard text.count == 29, let month = (1...12).first(where: { matches(months[$0 - 1], text, at: 8) }),
      let day = text.twoDigits(at: 5), let century = text.twoDigits(at: 12), let year = text.twoDigits(at: 14),
      let hour = text.twoDigits(at: 17), let minute = text.twoDigits(at: 20), let second = text.twoDigits(at: 23),
      1...31 ~= day, hour < 24, minute < 60, second <= 60, century * 100 + year >= 1970
    else { return nil }
    let days = dayNumber(year: century * 100 + year, month: month, day: day)
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + min(second, 59)
    // Writing it again checks the name of the day, the length of the month and every separator.
    let canonical = encode(seconds)
    for index in text.indices where text[index] != canonical[index] && !(second == 60 && 23...24 ~= index) {
      return nil
    }
    return seconds
  }

  private static func matches(_ word: StaticString, _ text: Span<UInt8>, at start: Int) -> Bool {
    (0..<word.utf8CodeUnitCount).allSatisfy { text[start + $0] == word.utf8Start[$0] }
  }

  /// Days since 1970 as a date of the Gregorian calendar: its 400-year eras, of years that begin in March so that the
  /// leap day comes last.
  private static func civil(day: Int) -> (year: Int, month: Int, day: Int) {
    let shifted = day + 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted % 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let marchMonth = (5 * dayOfYear + 2) / 153
    let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return (year, month, dayOfYear - (153 * marchMonth + 2) / 5 + 1)
  }

  private static func dayNumber(year: Int, month: Int, day: Int) -> Int {
    let marchYear = month <= 2 ? year - 1 : year
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return marchYear * 365 + marchYear / 4 - marchYear / 100 + marchYear / 400 + dayOfYear - 719_468
  }
}

extension [UInt8] {
  fileprivate mutating func append(twoDigits number: Int) {
    append(UInt8(ascii: "0") + UInt8(number / 10))
    append(UInt8(ascii: "0") + UInt8(number % 10))
  }
}

extension Span<UInt8> {
  fileprivate func twoDigits(at index: Int) -> Int? {
    guard self[index].isDigit, self[index + 1].isDigit else { return nil }
    return Int(self[index] - UInt8(ascii: "0")) * 10 + Int(self[index + 1] - UInt8(ascii: "0"))
  }
}
