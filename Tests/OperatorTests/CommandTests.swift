import Contract
import Foundation
import IdentityAPI
import Testing

@testable import Operator

@Suite struct CommandTests {
  private func problem(_ words: String...) -> String? {
    do throws(UsageError) {
      _ = try Command(arguments: words)
      return nil
    } catch {
      return error.description
    }
  }

  @Test func `up takes its options in any order and both spellings`() throws {
    let expected = UpOptions(detach: true, port: 9000, replicas: ["broker": 1, "identity": 3])
    let arguments = ["up", "--replicas", "identity=3", "--port=9000", "--detach", "--replicas=broker=1"]
    #expect(try Command(arguments: arguments) == .up(expected))
    #expect(try Command(arguments: ["up"]) == .up(UpOptions()))
  }

  @Test func `words after a command are its own`() throws {
    #expect(try Command(arguments: ["status", "--json"]) == .status(json: true))
    #expect(try Command(arguments: ["logs"]) == .logs(name: nil, follow: false, lines: 40))
    #expect(
      try Command(arguments: ["logs", "--lines", "5", "broker.0", "-f"])
        == .logs(name: "broker.0", follow: true, lines: 5))
    #expect(try Command(arguments: ["scale", "a=2", "b=0"]) == .scale(["a": 2, "b": 0]))
    #expect(try Command(arguments: ["roll"]) == .roll(name: nil))
    #expect(try Command(arguments: ["restart", "broker"]) == .restart(name: "broker"))
  }

  @Test func `a command line that makes no sense is refused with the reason`() {
    #expect(problem() == "say what to do; see ./mesh help")
    #expect(problem("fly") == "there is no command 'fly'; see ./mesh help")
    #expect(
      problem("up", "--port", "70000") == "--port: got '70000', expected a number from 1 to 65535; see ./mesh help")
    #expect(problem("up", "--port") == "--port has no value; see ./mesh help")
    #expect(problem("up", "--port", "--detach") == "--port has no value; see ./mesh help")
    #expect(problem("scale") == "NAME=N is missing; see ./mesh help")
    #expect(problem("scale", "broker") == "got 'broker', expected NAME=N with N from 0 to 32; see ./mesh help")
    #expect(problem("scale", "broker=33") == "got 'broker=33', expected NAME=N with N from 0 to 32; see ./mesh help")
    #expect(problem("down", "now") == "down does not know what to do with 'now'; see ./mesh help")
    #expect(problem("status", "--jsn") == "status does not know what to do with '--jsn'; see ./mesh help")
    #expect(
      problem("logs", "--lines", "-1") == "--lines: got '-1', expected a number from 0 to 100000; see ./mesh help")
  }

  @Test func `a demo world has as many members as asked for, of the seed that was given`() throws {
    #expect(try Command(arguments: ["demo", "world"]) == .demo(.world(members: 1000, seed: 1)))
    #expect(
      try Command(arguments: ["demo", "world", "--members", "5", "--seed=7"]) == .demo(.world(members: 5, seed: 7)))
    #expect(try Command(arguments: ["demo"]) == .demo(.journey))
    #expect(problem("demo", "moon") == "demo: got 'moon', expected world; see ./mesh help")
    #expect(
      problem("demo", "world", "--members", "0")
        == "--members: got '0', expected a number from 1 to 10000000; see ./mesh help")
  }

  @Test func `dead lists, shows and redrives`() throws {
    #expect(try Command(arguments: ["dead"]) == .dead(.list(service: nil, json: false)))
    #expect(try Command(arguments: ["dead", "--json", "credits"]) == .dead(.list(service: "credits", json: true)))
    #expect(
      try Command(arguments: ["dead", "redrive", "credits"]) == .dead(.redrive(service: "credits", subject: nil)))
    #expect(
      try Command(arguments: ["dead", "redrive", "credits", "hold 7"])
        == .dead(.redrive(service: "credits", subject: "hold 7")))
    #expect(problem("dead", "redrive") == "the name of a service is missing; see ./mesh help")
    #expect(
      problem("dead", "redrive", "credits", "7", "8") == "dead does not know what to do with '8'; see ./mesh help")
    #expect(
      problem("dead", "redrive", "credits", "--json") == "dead redrive writes no JSON; see ./mesh help")
  }

  @Test func `what is dead is a line in the list, and stands in full under its service`() throws {
    let subject = try #require(UniqueID("01890a5d-ac96-774b-bcce-b302099a8057"))
    let event = DeadEvent(
      service: "credits", event: "identity.member-registered", id: subject, subject: subject, version: 3,
      reason: "no account\n\u{1b}[2J", attempts: 4, parkedAt: Timestamp(microseconds: 0), waiting: 2,
      payload: #"{"a":1}"#)
    let timer = DeadTimer(
      service: "credits", timer: "lot-expired", key: "lot\t7", reason: "no lot", attempts: 10,
      failedAt: Timestamp(microseconds: 1_000_000), payload: #"{"lot":7}"#)
    #expect(
      DeadCommand.table(.init(events: [event], timers: [timer])) == [
        "SERVICE  KIND   NAME                        SUBJECT                               SINCE                 "
          + "WAITING  REASON",
        "credits  event  identity.member-registered  01890a5d-ac96-774b-bcce-b302099a8057  1970-01-01T00:00:00Z  "
          + "2        no account  [2J",
        "credits  timer  lot-expired                 lot 7                                 1970-01-01T00:00:01Z  "
          + "0        no lot",
      ])
    #expect(
      DeadCommand.description(event) == [
        "identity.member-registered 01890a5d-ac96-774b-bcce-b302099a8057",
        "  subject  01890a5d-ac96-774b-bcce-b302099a8057, version 3",
        "  since    1970-01-01T00:00:00Z, attempts: 4, waiting behind it: 2",
        "  reason   no account  [2J",
        #"  payload  {"a":1}"#,
      ])
    #expect(
      DeadCommand.description(timer) == [
        "timer lot-expired",
        "  key      lot 7",
        "  since    1970-01-01T00:00:01Z, attempts: 10",
        "  reason   no lot",
        #"  payload  {"lot":7}"#,
      ])
  }

  @Test func `admin names a member by address or id`() throws {
    let email = try #require(EmailAddress("me@example.org"))
    let id = try #require(MemberID("01890a5d-ac96-774b-bcce-b302099a8057"))
    let new = AdminCommand.NewMember(email: email, firstName: try PersonName("A"), lastName: try PersonName("B"))
    let create = ["admin", "create", "--email", "Me@example.org", "--first-name", "A", "--last-name=B"]
    #expect(try Command(arguments: create) == .admin(.create(new)))
    var moderator = new
    (moderator.role, moderator.hasPassword) = (.moderator, true)
    #expect(
      try Command(arguments: create + ["--role", "moderator", "--password-stdin"]) == .admin(.create(moderator)))
    #expect(
      try Command(arguments: ["admin", "suspend", "me@example.org"])
        == .admin(.suspend(.email(email), until: nil, reason: "by the operator")))
    #expect(
      try Command(arguments: ["admin", "suspend", "--until", "1970-01-01T00:00:01Z", id.description, "--reason=spam"])
        == .admin(.suspend(.id(id), until: Timestamp(microseconds: 1_000_000), reason: "spam")))
    #expect(try Command(arguments: ["admin", "restore", id.description]) == .admin(.restore(.id(id))))
    #expect(
      try Command(arguments: ["admin", "provider", "me@example.org", "off"])
        == .admin(.provider(.email(email), isProvider: false)))
  }

  @Test func `admin refuses what names nobody`() {
    #expect(problem("admin") == "create, suspend, restore or provider is missing; see ./mesh help")
    #expect(
      problem("admin", "ban") == "admin: got 'ban', expected create, suspend, restore or provider; see ./mesh help")
    #expect(problem("admin", "create") == "--email is missing; see ./mesh help")
    #expect(
      problem("admin", "create", "--email", "me") == "--email: got 'me', expected an address such as name@example.org; "
        + "see ./mesh help")
    #expect(
      problem("admin", "create", "--email=me@example.org", "--first-name=", "--last-name=B")
        == "--first-name must not be empty; see ./mesh help")
    #expect(
      problem("admin", "create", "--email=me@example.org", "--first-name=A", "--last-name=B", "--role=king")
        == "--role: got 'king', expected member, moderator or admin; see ./mesh help")
    #expect(problem("admin", "suspend") == "a member's address or id is missing; see ./mesh help")
    #expect(
      problem("admin", "suspend", "me@example.org", "--until", "soon")
        == "--until: got 'soon', expected a time such as 2030-01-31T12:00:00Z; see ./mesh help")
    #expect(
      problem("admin", "restore", "me")
        == "a member: got 'me', expected an address such as name@example.org; see ./mesh help")
  }

  @Test func `messaging measures anew and rotates keys`() throws {
    #expect(try Command(arguments: ["messaging", "recompute-metrics"]) == .messaging(.recomputeMetrics))
    #expect(try Command(arguments: ["messaging", "rotate-keys"]) == .messaging(.rotateKeys))
    #expect(problem("messaging") == "recompute-metrics, rotate-keys or rewrap-keys is missing; see ./mesh help")
    #expect(
      problem("messaging", "shout")
        == "messaging: got 'shout', expected recompute-metrics, rotate-keys or rewrap-keys; see ./mesh help")
    #expect(
      problem("admin", "provider", "me@example.org", "yes")
        == "admin provider: got 'yes', expected on or off; see ./mesh help")
  }

  @Test func `every command is on the help page, and nothing else is`() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../..")
    let page = try String(contentsOf: root.appending(path: "docs/commands.txt"), encoding: .utf8)
    let described = page.split(separator: "\n").filter { $0.hasPrefix("  ") && !$0.hasPrefix("   ") }
      .map { String($0.split(separator: " ")[0]) }.filter { $0.allSatisfy(\.isLowercase) }
    // These are the script's own.
    let scripted: Set = ["test", "bench", "storm", "help"]
    let examples = [
      "restart": ["x"], "scale": ["x=1"], "admin": ["restore", "me@example.org"], "messaging": ["rotate-keys"],
      "secrets": ["x"], "trace": ["4bf92f35"],
    ]
    for name in Set(described).subtracting(scripted) {
      #expect(throws: Never.self) { _ = try Command(arguments: [name] + (examples[name] ?? [])) }
    }
    let known: Set = [
      "up", "down", "status", "logs", "restart", "scale", "roll", "topics", "dead", "admin", "demo", "messaging",
      "doctor", "env", "secrets", "provision", "trace",
    ]
    #expect(Set(described) == known.union(scripted))
  }
}
