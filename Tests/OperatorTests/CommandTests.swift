import Foundation
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

  @Test func `every command is on the help page, and nothing else is`() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../..")
    let page = try String(contentsOf: root.appending(path: "docs/commands.txt"), encoding: .utf8)
    let described = page.split(separator: "\n").filter {
      $0.hasPrefix("  ") && !$0.hasPrefix("   ") && $0.contains("   ")
    }
    .map { String($0.split(separator: " ")[0]) }.filter { $0.allSatisfy(\.isLowercase) }
    // These are the script's own.
    let scripted: Set = ["test", "bench", "help"]
    let examples = ["restart": ["x"], "scale": ["x=1"]]
    for name in Set(described).subtracting(scripted) {
      #expect(throws: Never.self) { _ = try Command(arguments: [name] + (examples[name] ?? [])) }
    }
    let known: Set = ["up", "down", "status", "logs", "restart", "scale", "roll", "topics", "doctor", "env"]
    #expect(Set(described) == known.union(scripted))
  }
}
