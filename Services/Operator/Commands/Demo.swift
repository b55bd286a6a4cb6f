import EventLoop
import ProfilesAPI

/// Something to look at.
enum DemoCommand: Equatable {
  /// Members with profiles, skills and presence, made up from a seed.
  case world(members: Int, seed: Int)

  private static let batch = 1000

  /// Reads the words after `demo`. Throws `UsageError`.
  init(_ words: inout Words) throws(UsageError) {
    let name = try words.require("world")
    guard name == "world" else { throw UsageError("demo: got '\(name)', expected world") }
    let members = try Self.number("--members", in: 1...PopulationNumber.range.upperBound, &words) ?? 1000
    self = .world(members: members, seed: try Self.number("--seed", in: 0...Int.max, &words) ?? 1)
  }

  private static func number(
    _ option: String, in range: ClosedRange<Int>, _ words: inout Words
  ) throws(UsageError) -> Int? {
    try words.take(option: option).map { text throws(UsageError) in
      guard let number = Int(text), range.contains(number) else {
        throw UsageError("\(option): got '\(text)', expected a number from \(range.lowerBound) to \(range.upperBound)")
      }
      return number
    }
  }

  /// Does it, and returns the exit status.
  @Loop func run(_ folder: MeshFolder) async throws -> CInt {
    let profiles = try await ServiceClient(Reach(folder))
    do {
      Console.say(try await carryOut(profiles))
    } catch {
      await profiles.close()
      throw (error as? MakeMembers.Refusal).map { Failure($0.detail) } ?? error
    }
    await profiles.close()
    return ExitCode.done
  }

  /// Returns what was done, for the terminal.
  @Loop private func carryOut(_ profiles: ServiceClient) async throws -> String {
    let (members, seed) =
      switch self {
      case .world(let members, let seed): (members, seed)
      }
    var made = 0
    for first in stride(from: 0, to: members, by: Self.batch) {
      made += try await profiles.ask(
        MakeMembers(
          seed: seed, first: try PopulationNumber(first), count: try BatchSize(min(Self.batch, members - first)))
      ).made
    }
    return "\(made) members of seed \(seed) are new; nobody can sign in as one of them, everybody can find them"
  }
}
