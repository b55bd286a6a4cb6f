import Contract
import EventLoop
import Mesh
import Redis

/// What has become due in Redis.
extension LiveStore {
  /// What has become due in a partition.
  struct Due: Sendable {
    /// Steady devices whose heartbeats have ceased, with the time of the last.
    var silent: [(member: MemberID, device: String, at: Timestamp)] = []
    /// Members to look at, with the time for which that was planned.
    var looks: [(member: MemberID, at: Timestamp)] = []
    /// Members with connections at dead gateways.
    var lost: [(gateway: UniqueID, member: MemberID)] = []
    /// Changes that others should have been told of.
    var untold: [(member: MemberID, version: Int64)] = []
    /// How many devices are steady.
    var steady = 0

    /// Whether there is nothing to do.
    var isEmpty: Bool { silent.isEmpty && looks.isEmpty && lost.isEmpty && untold.isEmpty }
  }

  /// Before when something counts as due.
  struct Limits: Sendable {
    let now: Timestamp
    let heartbeat: Timestamp
    let gateway: Timestamp
    /// When the feed must have been heard last, so that silence on it means something.
    let hearing: Timestamp
    let telling: Timestamp
  }

  /// Finds what is due in a partition; nil when another replica looks after it at the moment.
  func due(in partition: Int, for replica: String, lease: Duration, _ limits: Limits, limit: Int) async throws -> Due? {
    let keys = Keys(partition)
    let times = [limits.now, limits.heartbeat, limits.gateway, limits.telling, limits.hearing]
      .map { String($0.milliseconds) }
    let value = try await redis.run(
      LiveScripts.due,
      keys: "\([keys.lease, keys.steady, keys.looks, keys.gateways, keys.sockets, keys.untold, keys.feed])",
      arguments: "\([replica, String(Int(lease / .milliseconds(1)))] + times) \(limit)"
    ).decode([RedisValue].self)
    guard value.count == 5 else { return nil }
    var due = Due()
    due.silent = try Self.pairs(value[0]).compactMap { element, time in
      let halves = element.split(separator: "/", maxSplits: 1)
      guard halves.count == 2, let member = MemberID(String(halves[0])) else { return nil }
      return (member, String(halves[1]), time)
    }
    due.looks = try Self.pairs(value[1]).compactMap { element, time in MemberID(element).map { ($0, time) } }
    due.lost = try value[2].decode([String].self).compactMap { socket in
      let halves = socket.split(separator: "/")
      guard halves.count == 2, let gateway = UniqueID(String(halves[0])), let member = MemberID(String(halves[1]))
      else {
        return nil
      }
      return (gateway, member)
    }
    due.untold = try value[3].decode([String].self).compactMap { change in
      let halves = change.split(separator: ":")
      guard halves.count == 2, let member = MemberID(String(halves[0])), let version = Int64(halves[1]) else {
        return nil
      }
      return (member, version)
    }
    due.steady = try value[4].decode(Int.self)
    return due
  }

  private static func pairs(_ value: RedisValue) throws -> [(String, Timestamp)] {
    let texts = try value.decode([String].self)
    return stride(from: 0, to: texts.count - 1, by: 2).map { index in
      (texts[index], Timestamp(milliseconds: Int64(texts[index + 1]) ?? 0))
    }
  }

  /// Forgets heartbeats of devices that no record knows.
  func forget(_ devices: [(member: MemberID, device: String)]) async throws {
    let commands = Dictionary(grouping: devices) { ActivityBatch.partition(of: $0.member) }.map { partition, devices in
      "ZREM \(Keys(partition).steady) \(devices.map { "\($0.member)/\($0.device)" })" as RedisCommand
    }
    _ = try await redis.send(commands)
  }

  /// Since when Redis has kept what it keeps: it has lost everything that was before.
  func epoch(now: Timestamp) async throws -> Timestamp {
    let values = try await redis.send(["SET presence:epoch \(now.milliseconds) NX", "GET presence:epoch"])
    return Timestamp(milliseconds: try values[1].decode(Int64.self))
  }
}
