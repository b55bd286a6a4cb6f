import Contract
import Mesh
import ProfilesAPI
import Testing

@Suite struct ProfileValuesTests {
  @Test func `text is kept as it is, without spaces around it`() throws {
    #expect(try Biography("  <b>I teach</b> & learn\r\n\nدرس  ").text == "<b>I teach</b> & learn\n\nدرس")
    #expect(try ProfileName("  Zoë 👩‍🏫 ").text == "Zoë 👩‍🏫")
    #expect(throws: InvalidValue("too_short", "must not be empty")) { try ProfileName(" \n ") }
    #expect(throws: InvalidValue("too_long", "must have at most 100 characters")) {
      try ProfileName(String(repeating: "x", count: 101))
    }
    // One character of a thousand accents.
    #expect(throws: InvalidValue.self) { try ProfileName("e" + String(repeating: "\u{301}", count: 1000)) }
    #expect(throws: InvalidValue("characters", "must not contain control characters")) { try Place("Ber\nlin") }
    #expect(throws: InvalidValue.self) { try Biography("evil \u{202E}txt") }
  }

  @Test(arguments: [
    ("de", "de"), ("DE-at", "de-AT"), ("zh-hant-tw", "zh-Hant-TW"), ("sr-latn", "sr-Latn"), ("es-419", "es-419"),
    ("yue", "yue"), ("zh-yue-HK", "zh-yue-HK"), ("de-1996", "de-1996"), ("sl-rozaj-biske", "sl-rozaj-biske"),
    ("de-CH-u-co-phonebk", "de-CH-u-co-phonebk"),
  ])
  func `a language tag is written in the customary case`(text: String, written: String) {
    #expect(LanguageTag(text)?.text == written)
  }

  @Test(arguments: [
    "", "d", "xx", "german", "de_AT", "de-", "-de", "de--AT", "de-AT-AT", "de-x", "x-mine", "i-klingon", "de-u", "1a",
    "de-rozaj-rozaj", "en-a-bbb-a-ccc", "d\u{e9}", "de-AT-", "en-abcdefghi",
  ])
  func `what is no language tag is refused`(text: String) { #expect(LanguageTag(text) == nil) }

  @Test func `a time zone has the form of a name of the database`() {
    for name in ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5"] {
      #expect(ZoneName(name)?.text == name)
    }
    for name in ["", "CET", "Berlin", "Europe/", "/Berlin", "../etc/passwd", "Europe/Ber lin", "a/b/c/d"] {
      #expect(ZoneName(name) == nil, "\(name)")
    }
  }

  @Test(arguments: [
    (0, SkillTier.beginner), (24, .beginner), (25, .intermediate), (49, .intermediate), (50, .advanced),
    (74, .advanced), (75, .expert), (100, .expert),
  ])
  func `tiers begin where the product says`(number: Int, tier: SkillTier) throws {
    #expect(SkillTier(try Proficiency(number)) == tier)
  }

  @Test func `proficiency is 0 to 100`() {
    for number in [-1, 101, .max, .min] {
      #expect(throws: InvalidValue("range", "must be between 0 and 100")) { try Proficiency(number) }
    }
  }

  @Test func `hours of the week are sorted, and neither overlap nor go over midnight`() throws {
    func span(_ day: Weekday, _ start: String, _ end: String) -> WeeklyHours.Span {
      WeeklyHours.Span(day: day, start: ClockTime(start)!, end: ClockTime(end)!)
    }
    let hours = try WeeklyHours([
      span(.sunday, "10:00", "24:00"), span(.monday, "18:00", "20:00"), span(.monday, "08:00", "18:00"),
    ])
    #expect(hours.spans.map(\.start.description) == ["08:00", "18:00", "10:00"])
    #expect(throws: InvalidValue.self) { try WeeklyHours([span(.monday, "18:00", "08:00")]) }
    #expect(throws: InvalidValue.self) { try WeeklyHours([span(.monday, "18:00", "18:00")]) }
    #expect(throws: InvalidValue("overlap", "must not overlap one another")) {
      try WeeklyHours([span(.monday, "08:00", "18:00"), span(.monday, "17:59", "20:00")])
    }
    #expect(throws: InvalidValue.self) { try WeeklyHours(Array(repeating: span(.monday, "08:00", "09:00"), count: 29)) }
    #expect(ClockTime("24:01") == nil && ClockTime("8:00") == nil && ClockTime("ab:cd") == nil)
  }

  @Test func `a time that reaches back is minutes, hours or days`() {
    #expect(LookBack("15m")?.duration == .seconds(900))
    #expect(LookBack("90")?.duration == .seconds(5400))
    #expect(LookBack("24h")?.duration == .seconds(86_400))
    #expect(LookBack("7d")?.duration == .seconds(7 * 86_400))
    for text in ["", "0", "-1", "m", "1w", "15 m", "400d", "9999999", "1.5h", "٣"] {
      #expect(LookBack(text) == nil, "\(text)")
    }
  }

  @Test func `a change tells a field that is left out from one that is emptied`() throws {
    let change = try FieldDecoding.decode(
      ChangeProfile.self, from: Array(#"{"bio":null,"location":"Berlin","languages":["de","pt-br"]}"#.utf8))
    #expect(change.bio == .clear)
    #expect(change.location == .set(try Place("Berlin")))
    #expect(change.timezone == .keep)
    #expect(change.languages?.tags.map(\.text) == ["de", "pt-BR"])
  }

  @Test func `everything that is wrong with a change is said at once, and where`() throws {
    let body = #"""
      {"firstName":"","bio":7,"timezone":"Berlin","languages":["de","de"],"learningStyle":"osmosis",
       "preferences":{"hours":[{"day":"monday","start":"25:00","end":"26:00"}],"sessionMinutes":5}}
      """#
    let problem = try #require(throws: Problem.self) {
      try FieldDecoding.decode(ChangeProfile.self, from: Array(body.utf8))
    }
    #expect(problem.status == 422)
    #expect(
      problem.errors?.map(\.pointer).sorted() == [
        "/bio", "/firstName", "/languages", "/learningStyle", "/preferences/hours/0/end",
        "/preferences/hours/0/start", "/preferences/sessionMinutes", "/timezone",
      ])
  }
}
