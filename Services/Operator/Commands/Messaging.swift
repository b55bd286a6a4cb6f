import Contract
import Crypto
import EventLoop
import Mesh
import MessagingAPI

/// What is to be done about messages.
enum MessagingCommand: Equatable {
  /// Work out anew how fast providers answer.
  case recomputeMetrics
  /// Seal conversations' keys under a new master key.
  case rotateKeys
  /// Seal conversations' keys under the master key that the service was given, where they are under an older one.
  case rewrapKeys

  private static let ring = "messaging-master"

  /// Reads the words after `messaging`. Throws `UsageError`.
  init(_ words: inout Words) throws(UsageError) {
    let name = try words.require("recompute-metrics, rotate-keys or rewrap-keys")
    switch name {
    case "recompute-metrics": self = .recomputeMetrics
    case "rotate-keys": self = .rotateKeys
    case "rewrap-keys": self = .rewrapKeys
    default: throw UsageError("messaging: got '\(name)', expected recompute-metrics, rotate-keys or rewrap-keys")
    }
  }

  /// Does it, and returns the exit status.
  @Loop func run(_ folder: MeshFolder) async throws -> CInt {
    if self == .rotateKeys, DeploymentOptions.isAskedFor {
      throw Failure(
        "the keys of a deployment are not in this tool's hands", advice: "See deploy/runbooks/rotate-keys.md.")
    }
    let messaging = try await ServiceClient(Reach(folder))
    do {
      switch self {
      case .recomputeMetrics: try await Self.recomputeMetrics(messaging)
      case .rotateKeys: try await Self.rotateKeys(folder, messaging)
      case .rewrapKeys: Console.say("\(try await Self.rewrap(messaging)) are sealed anew")
      }
    } catch {
      await messaging.close()
      throw (error as? OperatorRefusal).map { Failure($0.detail) } ?? error
    }
    await messaging.close()
    return ExitCode.done
  }

  @Loop private static func recomputeMetrics(_ messaging: ServiceClient) async throws {
    var after: MemberID?
    var count = 0
    repeat {
      let reply = try await messaging.ask(RecomputeMetrics(after: after))
      count += reply.done
      after = reply.next
    } while after != nil
    Console.say("\(count) \(count == 1 ? "provider" : "providers") measured anew")
  }

  /// Every replica has to know a key before the first one seals with it.
  @Loop private static func rotateKeys(_ folder: MeshFolder, _ messaging: ServiceClient) async throws {
    let secrets = Secrets(folder)
    let old = try secrets.ring(ring)
    let newest = old.split(separator: ",").compactMap { KeyRing.KeyID($0.prefix { $0 != ":" }) }.max() ?? 0
    let new = "\(newest + 1):\(Secrets.newSecret())"
    for (keys, what) in [("\(old),\(new)", "All replicas know the new key"), ("\(new),\(old)", "It is in use")] {
      try secrets.replaceRing(ring, with: keys)
      _ = try await askSupervisor(folder, .roll(RewrapKeys.service))
      Console.say(what)
    }
    let conversations = try await rewrap(messaging)
    try secrets.replaceRing(ring, with: new)
    Console.say("\(conversations) are under key \(newest + 1)")
  }

  /// Seals what is under an older key anew, and returns how many conversations that were.
  @Loop private static func rewrap(_ messaging: ServiceClient) async throws -> String {
    var count = 0
    while true {
      let reply = try await messaging.ask(RewrapKeys())
      count += reply.rewrapped
      if reply.left == 0 { return "keys of \(count) \(count == 1 ? "conversation" : "conversations")" }
      // What others have locked is sealed in a moment.
      if reply.rewrapped == 0 { try await Loop.sleep(for: .milliseconds(100)) }
    }
  }
}
