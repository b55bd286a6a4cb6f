import Contract
import Foundation
import PresenceAPI
import Testing

@Suite struct ValueTests {
  @Test func `a status message is one line of at most 140 characters`() throws {
    #expect(try StatusMessage("  Teaching until five 📚 ").text == "Teaching until five 📚")
    #expect(try StatusMessage(String(repeating: "é", count: 140)).text.count == 140)
    #expect(try StatusMessage("👩‍👩‍👧‍👦🏴󠁧󠁢󠁳󠁣󠁴󠁿").text.count == 2)
    for (text, code) in [
      ("", "too_short"), ("   ", "too_short"), (String(repeating: "a", count: 141), "too_long"), ("a\nb", "characters"),
      ("a\u{202E}b", "characters"), (String(repeating: "a\u{301}", count: 900), "too_long"),
    ] {
      #expect(throws: InvalidValue.self, "\(text.prefix(10))") { try StatusMessage(text) }
      do { _ = try StatusMessage(text) } catch { #expect(error.code == code) }
    }
  }

  @Test func `an emoji is one emoji`() throws {
    for text in ["📚", "👩‍👩‍👧‍👦", "🇩🇪", "☀️", "1️⃣", "👍🏽", "🏴󠁧󠁢󠁳󠁣󠁴󠁿"] { #expect(try StatusEmoji(text).text == text) }
    for text in ["", "a", "1", "📚📚", "📚 ", "é", ":)"] {
      #expect(throws: InvalidValue("emoji", "must be one emoji"), "\(text)") { try StatusEmoji(text) }
    }
  }

  @Test func `a time of day is written with two digits each`() {
    for text in ["00:00", "07:05", "22:30", "23:59"] { #expect(TimeOfDay(text)?.description == text) }
    for text in ["", "7:05", "24:00", "23:60", "23:5", "23-59", "+1:00", "23:59:00"] { #expect(TimeOfDay(text) == nil) }
    #expect(TimeOfDay("01:02")?.minutes == 62)
  }

  @Test func `a device is named by visible characters`() {
    #expect(DeviceName("phone-1:a/b")?.description == "phone-1:a/b")
    #expect(DeviceName(String(repeating: "a", count: 64)) != nil)
    for text in ["", " ", "a b", "a\n", "é", String(repeating: "a", count: 65)] { #expect(DeviceName(text) == nil) }
  }

  @Test func `at most 200 members are asked about at once`() throws {
    #expect(throws: InvalidValue.self) { try MemberList(Array(repeating: MemberID.sample, count: 201)) }
    #expect(try MemberList(Array(repeating: MemberID.sample, count: 200)).members.count == 200)
  }

  @Test(arguments: [
    (#"{}"#, Edit<StatusMessage>.keep), (#"{"message":null}"#, .clear),
    (#"{"message":"Hi"}"#, .set(try! StatusMessage("Hi"))),
  ]) func `a change tells a missing field from null`(_ json: String, _ expected: Edit<StatusMessage>) throws {
    let change = try JSONDecoder().decode(ChooseStatus.self, from: Data(json.utf8))
    #expect(change.message == expected)
    #expect(try JSONDecoder().decode(ChooseStatus.self, from: JSONEncoder().encode(change)).message == expected)
  }
}
