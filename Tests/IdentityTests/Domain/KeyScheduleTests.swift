import Contract
import Testing

@testable import Identity

@Suite struct KeyScheduleTests {
  static let start = Timestamp("2026-03-01T00:00:00Z")!
  static let day = Duration.seconds(86_400)
  let start = Self.start
  let schedule = KeySchedule(period: day * 30, lead: .seconds(3600))

  private func key(_ id: String, _ signsFrom: Timestamp) -> KeySchedule.Entry {
    KeySchedule.Entry(id: id, signsFrom: signsFrom)
  }

  @Test func `the first key signs at once`() {
    #expect(schedule.steps([], now: start) == [.make(signsFrom: start)])
    #expect(schedule.signing([], now: start) == nil)
    #expect(schedule.signing([key("a", start)], now: start)?.id == "a")
  }

  @Test func `the next key is published an hour ahead, and signs when its time has come`() {
    let (first, change) = (key("a", start), start + Self.day * 30)
    #expect(schedule.steps([first], now: change - .seconds(3601)) == [])
    #expect(schedule.steps([first], now: change - .seconds(3600)) == [.make(signsFrom: change)])
    let both = [first, key("b", change)]
    #expect(schedule.steps(both, now: change - .seconds(3600)) == [])
    #expect(schedule.signing(both, now: change - .microseconds(1))?.id == "a")
    #expect(schedule.signing(both, now: change)?.id == "b")
  }

  @Test func `a key stays until the last token that it signed has expired`() {
    let change = start + Self.day * 30
    let both = [key("a", start), key("b", change)]
    #expect(schedule.steps(both, now: change + .seconds(15 * 60)) == [])
    #expect(schedule.steps(both, now: change + .seconds(16 * 60)) == [.drop(id: "a")])
  }

  @Test func `after a long sleep the next key is published ahead all the same`() {
    let now = start + Self.day * 100
    #expect(schedule.steps([key("a", start)], now: now) == [.make(signsFrom: now + .seconds(3600))])
    #expect(schedule.signing([key("a", start), key("b", now + .seconds(3600))], now: now)?.id == "a")
  }

  @Test func `over two years some key always signs, and was published an hour before`() {
    var keys: [KeySchedule.Entry] = []
    var madeAt: [String: Timestamp] = [:]
    for step in 0..<(2 * 365 * 96) {
      let now = start + .seconds(900 * step)
      for due in schedule.steps(keys, now: now) {
        switch due {
        case .make(let signsFrom):
          madeAt["\(madeAt.count)"] = now
          keys.append(key("\(madeAt.count - 1)", signsFrom))
        case .drop(let id):
          #expect(id != schedule.signing(keys, now: now - AccessClaims.life)?.id)
          keys.removeAll { $0.id == id }
        }
      }
      guard let signing = schedule.signing(keys, now: now) else {
        Issue.record("no key signs at \(now)")
        return
      }
      #expect(signing.id == "0" || now >= madeAt[signing.id]! + .seconds(3600))
      #expect(keys.count <= 3)
    }
    #expect(madeAt.count == 25)
  }
}
