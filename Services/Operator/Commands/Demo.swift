import Contract
import EventLoop
import ProfilesAPI
import Telemetry

/// Something to look at.
enum DemoCommand: Equatable {
  /// Two members who find one another and talk, told as it happens.
  case journey
  /// Members with profiles, skills and presence, made up from a seed.
  case world(members: Int, seed: Int)

  private static let batch = 1000

  /// Reads the words after `demo`. Throws `UsageError`.
  init(_ words: inout Words) throws(UsageError) {
    guard let name = words.next() else {
      self = .journey
      return
    }
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
    switch self {
    case .journey: try await Self.play(folder, try await runningPorts(folder))
    case .world(let members, let seed):
      let profiles = try await ServiceClient(Reach(folder))
      do {
        Console.say(try await Self.make(members, of: seed, profiles))
      } catch {
        await profiles.close()
        throw (error as? MakeMembers.Refusal).map { Failure($0.detail) } ?? error
      }
      await profiles.close()
    }
    return ExitCode.done
  }

  // MARK: The journey

  /// How long the logs may take to say what has happened.
  private static let logPatience = Duration.seconds(10)

  @Loop private static func play(_ folder: MeshFolder, _ ports: Ports) async throws {
    let stage = Stage()
    let address = try SocketAddress(host: "127.0.0.1", port: ports.gateway)
    let gateway = GatewayClient(address, stage)
    defer { gateway.close() }
    stage.say("Mara teaches the guitar, Jonas wants to learn it. Both know only the gateway, http://\(address).")
    let began = ContinuousClock.now
    try await Journey(gateway).play()
    let took = ContinuousClock.now - began
    let steps = try await steps(of: stage.scenes, TraceLog(folder: folder))
    stage.say("\nAll of it took \(took.inSeconds), and this is what happened where:\n")
    stage.summary(steps).forEach { stage.say($0) }
    let trace = stage.scenes.first { $0.title.contains("comes back") }?.trace.traceIDText ?? ""
    stage.say("\nEach step in full: ./mesh trace TRACE, such as ./mesh trace \(trace)")
  }

  /// What the logs tell of the scenes, as soon as they tell of every service that had to take part. Throws `Failure` when one
  /// of them did not.
  @Loop private static func steps(
    of scenes: [Stage.Scene], _ log: TraceLog
  ) async throws -> [String: [TraceStep]] {
    let deadline = ContinuousClock.now + logPatience
    while true {
      let steps = log.steps(of: scenes.map(\.trace.traceIDText))
      let silent = scenes.enumerated().compactMap { index, scene -> String? in
        let missing = scene.services.subtracting((steps[scene.trace.traceIDText] ?? []).filter(\.isStep).map(\.service))
        guard !missing.isEmpty else { return nil }
        return "step \(index + 1), \(scene.title): expected \(missing.sorted().joined(separator: " and ")) to take part"
          + ", got no word of it in the logs (trace \(scene.trace.traceIDText))"
      }
      guard let first = silent.first else { return steps }
      guard ContinuousClock.now < deadline else {
        throw Failure(first, advice: "The gateways write down what is asked for: see TRACE_LIMIT.")
      }
      try await Loop.sleep(for: .milliseconds(100))
    }
  }

  // MARK: The world

  /// Returns what was done, for the terminal.
  @Loop private static func make(_ members: Int, of seed: Int, _ profiles: ServiceClient) async throws -> String {
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
