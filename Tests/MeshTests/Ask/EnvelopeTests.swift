import Contract
import Telemetry
import TestKit
import Testing

@testable import Mesh

@Suite struct EnvelopeTests {
  private let id = UniqueID(high: 0x0190_d9a0_0000_7000, low: 0x8000_0000_0000_0001)

  private var passports: [Passport] {
    let callers: [Caller] = [
      .anyone, .member(MemberID(id), role: .moderator, session: AuthSessionID(id)), .service("credits", member: nil),
      .service("credits", member: MemberID(id)),
    ]
    return callers.map {
      Passport(
        endpoint: "identity.devices", request: id, deadline: Timestamp(microseconds: -5), caller: $0,
        path: ["device": "ä/\n", "x": ""], idempotencyKey: "k")
    } + [
      Passport(endpoint: "", request: id, deadline: Timestamp(microseconds: .max), caller: .anyone),
      Passport(
        endpoint: "x.y", request: id, deadline: Timestamp(microseconds: 1), caller: .anyone,
        client: ClientDetails(address: "::1", userAgent: "curl")),
      Passport(
        endpoint: "x.y", request: id, deadline: Timestamp(microseconds: 1), caller: .anyone,
        client: ClientDetails(address: "10.0.0.1", ifMatch: "\"7\"")),
    ]
  }

  @Test func `what is written is read back`() {
    for passport in passports { #expect(Passport(passport.bytes) == passport) }
    let address = ReplyAddress(partition: 63, incarnation: id, number: .max, isHedge: true)
    #expect(ReplyAddress(address.bytes) == address)
    let head = ReplyHead(to: address, Answer(.failure, status: 503, body: []))
    #expect(ReplyHead(head.bytes) == head)
  }

  @Test func `an answer's headers lie under the seal with its body`() {
    let headers = [ReplyHeader(.entityTag, "\"7\""), ReplyHeader(.location, "/x")]
    for answer in [
      Answer(.reply, status: 200, body: [1, 2]), Answer(.reply, status: 204, body: [], headers: headers),
      Answer(.problem, status: 409, body: [0], headers: headers),
    ] { #expect(Answer(answer.kind, status: answer.status, content: answer.content) == answer) }
    for content in [[], [1], [1, 0], [1, 9, 0, 0], [1, 0, 0, 5, 65]] as [[UInt8]] {
      #expect(Answer(.reply, status: 200, content: content) == nil)
    }
  }

  @Test func `only the version that is there may be changed by whoever names one`() throws {
    func isAllowed(_ ifMatch: String?) -> Bool {
      let context = Context(
        caller: .anyone, request: id, deadline: .now, now: .now, trace: .root(isSampled: false),
        client: ClientDetails(address: "::1", ifMatch: ifMatch))
      return (try? context.checkMatch("\"7\"")) != nil
    }
    for fine in [nil, "*", "\"7\"", "\"6\", \"7\""] { #expect(isAllowed(fine)) }
    for other in ["\"6\"", "", "7", "W/\"7\""] { #expect(!isAllowed(other)) }
  }

  @Test func `a cut or lengthened envelope is refused`() {
    for passport in passports {
      let bytes = passport.bytes
      for count in 0..<bytes.count { #expect(Passport(Array(bytes.prefix(count))) == nil) }
      #expect(Passport(bytes + [0]) == nil)
    }
  }

  @Test func `damaged envelopes are read or refused, and never trap`() {
    var random = SeededRandom.fromEnvironment()
    for passport in passports {
      for _ in 0..<2000 {
        var bytes = passport.bytes
        for _ in 0..<Int.random(in: 1...4, using: &random) {
          bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8(truncatingIfNeeded: random.next())
        }
        if let read = Passport(bytes) { #expect(read.bytes == bytes) }
      }
    }
  }

  /// From Kafka's own tests (org.apache.kafka.common.utils.UtilsTest), as positive numbers.
  @Test(arguments: [
    ("21", -973_932_308), ("foobar", -790_332_482), ("a-little-bit-long-string", -985_981_536),
    ("a-little-bit-longer-string", -1_486_304_829), ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
    ("abc", 479_470_107),
  ])
  func `keys go to the partition that Kafka's own clients choose`(key: String, hash: Int32) {
    #expect(partition(of: Array(key.utf8), among: 1000) == (hash & 0x7fff_ffff) % 1000)
  }

  @Test func `hedges stay within a tenth of the questions`() {
    var budget = HedgeBudget(share: 0.1, burst: 5)
    var saved = 0
    while budget.spend() { saved += 1 }
    #expect(saved == 5)
    var hedged = 0
    for _ in 0..<1000 {
      budget.earn()
      if budget.spend() { hedged += 1 }
    }
    #expect((98...101).contains(hedged))
  }
}
