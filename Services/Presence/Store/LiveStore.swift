import Contract
import EventLoop
import Mesh
import PresenceAPI
import Redis

/// Who is there at the moment, in Redis.
///
/// **Overview.** Members are spread over partitions, whose keys a cluster keeps together. Each has, by member, a record
/// (`LiveRecord`), and sorted sets: `steady` devices by the time of their last heartbeat; members by the time at which to
/// `look` again; `sockets` by the gateway that holds them; `gateways` by the time of their last sign; changes that others
/// are yet to be told. And since when the `feed` of what gateways see was heard without a break.
///
/// **Cost.** A heartbeat of a steady device changes one score and nothing else; a whole batch of them is one command.
/// Whatever else happens loads a record, applies the rules to it, and replaces it if it is still the same (`save`). What
/// is due is found by time, so it costs in proportion to what has become due.
///
/// **Invariants.** A device stands in `steady` exactly when its record says that it is steady, so a heartbeat that finds it
/// there changes nothing that others can see. Replicas, repeats and disorder are harmless: scores only grow, and a record
/// is never replaced by one that was made from an older one.
///
/// **Loss.** When Redis has lost everything, the next heartbeats find no steady devices and make the records anew. The
/// settings, and what others were told, lie elsewhere.
@Loop final class LiveStore {
  /// How long a member without devices is remembered, for the sake of the version.
  private static let recordLife = Duration.seconds(3600)
  /// After a failure Redis is not asked for so long by those who can do without it.
  private static let pause = Duration.seconds(1)

  let redis: RedisClient
  private var isAvoidedUntil = Loop.now

  /// Prepares to use a server.
  init(url: String, replica: Int) throws {
    var configuration = try RedisConfiguration(url: url, clientName: "presence-\(replica)")
    configuration.timeout = .seconds(1)
    redis = RedisClient(configuration)
  }

  /// Ends the connection.
  func close() { redis.close() }

  /// Whether an error means that Redis cannot be used at the moment.
  nonisolated static func isOutage(_ error: any Error) -> Bool { error is RedisError }

  /// The names of a partition's keys.
  struct Keys {
    let tag: String
    init(_ partition: Int) { tag = "{p\(partition)}" }
    var steady: String { "\(tag):steady" }
    var looks: String { "\(tag):looks" }
    var sockets: String { "\(tag):sockets" }
    var gateways: String { "\(tag):gateways" }
    var untold: String { "\(tag):untold" }
    var feed: String { "\(tag):feed" }
    var lease: String { "\(tag):lease" }
    func record(_ member: MemberID) -> String { "\(tag):member:\(member)" }
  }

  // MARK: Heartbeats

  /// Notes heartbeats of one partition: `beat` tells of each of `count` whose it is. Returns the numbers of those whose
  /// device is not steady, which ask for more. `sign` is the life sign of the gateway that has told of them.
  func touch(
    _ count: Int, in partition: Int, sign: (gateway: UniqueID, at: Timestamp)? = nil,
    _ beat: (Int) -> (member: MemberID, device: String, at: Timestamp)
  ) async throws -> [Int] {
    let keys = Keys(partition)
    var commands: [RedisCommand] = []
    if let sign { commands.append("ZADD \(keys.gateways) GT \(sign.at.milliseconds) \(sign.gateway.description)") }
    if count > 0 {
      var add: RedisCommand = "ZADD \(keys.steady) XX GT CH"
      for index in 0..<count {
        let (member, device, at) = beat(index)
        add.appendArgument { $0.append(decimal: at.milliseconds) }
        add.appendArgument { $0.append(member, device) }
      }
      commands.append(add)
    }
    let answers = try await redis.send(commands).map { try $0.decode(Int.self) }
    if count == 0 || answers.last == count { return [] }
    // Some are not steady, or were noted before.
    var find: RedisCommand = "ZMSCORE \(keys.steady)"
    for index in 0..<count {
      let (member, device, _) = beat(index)
      find.appendArgument { $0.append(member, device) }
    }
    let beats = try await redis.send(find).decode([RedisValue].self)
    return beats.indices.filter { beats[$0] == .null }
  }

  /// The feed of a partition is heard at the moment. It was heard without a break if that was noted each `pause` at least.
  func hear(_ partition: Int, at now: Timestamp, deafAfter pause: Duration) async throws {
    try await redis.run(
      LiveScripts.hear, keys: "\([Keys(partition).feed])",
      arguments: "\([now, now - pause].map { String($0.milliseconds) })")
  }

  // MARK: Records

  /// A record as it was loaded, to be replaced.
  struct Loaded: Sendable {
    /// What it says, with the last heartbeats.
    let record: LiveRecord
    /// Its text; nil when there is none.
    fileprivate let text: [UInt8]?
    /// The last heartbeats of steady devices, by name.
    fileprivate let beats: [String: String]
  }

  /// Loads the records of members; those without one get an empty one.
  func load(_ members: some Collection<MemberID>) async throws -> [MemberID: Loaded] {
    let groups = Dictionary(grouping: members, by: ActivityBatch.partition).map { partition, members in
      let keys = Keys(partition)
      let task = Task { @Loop in
        try await redis.run(
          LiveScripts.load, keys: "\([keys.steady] + members.map(keys.record))",
          arguments: "\(members.map(\.description))"
        ).decode([RedisValue].self)
      }
      return (members, task)
    }
    var found: [MemberID: Loaded] = [:]
    for (members, task) in groups {
      let values = try await task.value
      guard values.count == 2 * members.count else { continue }
      for (index, member) in members.enumerated() {
        found[member] = try Self.loaded(values[2 * index], values[2 * index + 1])
      }
    }
    return found
  }

  private static func loaded(_ record: RedisValue, _ beats: RedisValue) throws -> Loaded {
    guard let text = try record.decode([UInt8]?.self) else {
      return Loaded(record: LiveRecord(), text: nil, beats: [:])
    }
    // What another version wrote is made anew.
    var known = LiveRecord(String(decoding: text, as: UTF8.self)) ?? LiveRecord()
    var last: [String: String] = [:]
    for (device, beat) in zip(known.activity.devices, try beats.decode([String?].self)) {
      guard let beat, let time = Int64(beat) else { continue }
      last[device.name] = beat
      known.activity.note(device: device.name, activeAt: Timestamp(milliseconds: time))
    }
    return Loaded(record: known, text: text, beats: last)
  }

  /// What members' devices tell; nil when Redis cannot be asked.
  func activity(of members: some Collection<MemberID>) async -> [MemberID: LiveRecord]? {
    guard Loop.now >= isAvoidedUntil else { return nil }
    do {
      return try await load(members).mapValues(\.record)
    } catch {
      isAvoidedUntil = Loop.now + Self.pause
      return nil
    }
  }

  /// What is to be stored of a member.
  struct Change: Sendable {
    let member: MemberID
    let new: LiveRecord
    /// When to look again.
    let look: Timestamp?
    /// The devices that are steady.
    let steady: Set<String>
    /// Gateways that are dead.
    let lost: [UniqueID]
    /// Whether others are to be told.
    let isNews: Bool
  }

  /// Replaces a record. False when it has been changed since it was loaded: load it again.
  func save(_ change: Change, over old: Loaded, now: Timestamp) async throws -> Bool {
    let keys = Keys(ActivityBatch.partition(of: change.member))
    let (member, new) = (change.member, change.new)
    let (before, after) = (old.record.activity.gateways.union(change.lost), new.activity.gateways)
    var arguments: RedisCommand = "\([old.text ?? []])"
    func add(_ text: String) { arguments.appendArgument { $0.append(contentsOf: text.utf8) } }
    func add(_ list: [(String, String)]) {
      add(String(list.count))
      for (name, value) in list {
        add(name)
        add(value)
      }
    }
    add(new.text)
    add(new.activity.devices.isEmpty ? String(Self.recordLife.components.seconds * 1000) : "0")
    add(member.description)
    add(change.look.map { String($0.milliseconds) } ?? "")
    add(change.isNews ? "\(member):\(new.version)" : "")
    add(String(now.milliseconds))
    add(old.beats.filter { !change.steady.contains($0.key) }.map { ("\(member)/\($0.key)", $0.value) })
    add(
      new.activity.devices.filter { change.steady.contains($0.name) }
        .map { ("\(member)/\($0.name)", String($0.activeAt.milliseconds)) })
    add(
      after.subtracting(before).map { ("\($0)/\(member)", "1") }
        + before.subtracting(after).map { ("\($0)/\(member)", "0") })
    return try await redis.run(
      LiveScripts.save, keys: "\([keys.record(member), keys.steady, keys.looks, keys.sockets, keys.untold])",
      arguments: arguments
    ).decode(Bool.self)
  }

  /// Others were told.
  func told(_ facts: [(member: MemberID, version: Int64)]) async throws {
    let commands = Dictionary(grouping: facts) { ActivityBatch.partition(of: $0.member) }.map { partition, facts in
      "ZREM \(Keys(partition).untold) \(facts.map { "\($0.member):\($0.version)" })" as RedisCommand
    }
    _ = try await redis.send(commands)
  }
}

extension [UInt8] {
  /// Appends a number's digits.
  fileprivate mutating func append(decimal number: Int64) {
    guard number > 0 else { return append(UInt8(ascii: "0")) }
    let start = count
    var rest = number
    while rest > 0 {
      append(UInt8(ascii: "0") + UInt8(rest % 10))
      rest /= 10
    }
    self[start...].reverse()
  }

  /// Appends the name of a member's device.
  fileprivate mutating func append(_ member: MemberID, _ device: String) {
    for digit in 0..<32 {
      if digit == 8 || digit == 12 || digit == 16 || digit == 20 { append(UInt8(ascii: "-")) }
      let half = digit < 16 ? member.value.high : member.value.low
      let nibble = UInt8(truncatingIfNeeded: half >> UInt64(60 - 4 * (digit & 15)) & 15)
      append(nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10)
    }
    append(UInt8(ascii: "/"))
    append(contentsOf: device.utf8)
  }
}
