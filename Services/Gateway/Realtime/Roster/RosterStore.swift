import Contract
import EventLoop
import Redis

/// One member's place in one presence channel, through one gateway.
struct Seat: Hashable, Sendable {
  let channel: Channel
  let member: MemberID
}

/// The lists of members of presence channels, in Redis.
///
/// Of each channel: the gateways through which each member is there, and what is shown of the member, sealed. The first
/// gateway enters a member, the last one takes it out; each such change has a version and is published with it. A
/// gateway's life is one lease for all of its seats, so holding them costs nothing, and what a dead gateway leaves
/// behind is found by its list of channels.
@Loop final class RosterStore {
  private static let gateways = "rt:gateways"

  private let redis: RedisClient
  private let seal: ChannelSeal
  /// This process, in the lists.
  let gateway: String

  init(_ redis: RedisClient, _ seal: ChannelSeal, gateway: UInt64) {
    (self.redis, self.seal, self.gateway) = (redis, seal, "\(gateway)")
  }

  // MARK: Seats

  /// Enters a seat of this gateway. Throws `RedisError`; to repeat it is safe.
  /// - Parameter isNew: whether `listing` replaces what is shown of a member who is there already.
  func enter(_ seat: Seat, _ listing: ChannelGrant.Listing, isNew: Bool) async throws {
    let topic = ChannelStore.topic(of: seat.channel)
    let sealed = seal.seal(.memberAdded(seat.member, listing), of: seat.channel)
    // First the note of where this gateway is, so that nothing is left behind when it dies in between.
    try await redis.send("SADD \(Self.places(of: gateway)) \(seat.channel.description)")
    try await redis.run(
      Self.entering, keys: "\(topic):seats \(topic):listings",
      arguments: "\(seat.member.description) \(gateway) \(sealed) \(topic) \(isNew ? 1 : 0)")
  }

  /// Takes a seat of `gateway` back. Throws `RedisError`; to repeat it is safe.
  func leave(_ seat: Seat, of gateway: String? = nil) async throws {
    let topic = ChannelStore.topic(of: seat.channel)
    let sealed = seal.seal(.memberRemoved(seat.member), of: seat.channel)
    try await redis.run(
      Self.leaving, keys: "\(topic):seats \(topic):listings",
      arguments: "\(seat.member.description) \(gateway ?? self.gateway) \(sealed) \(topic)")
  }

  /// Forgets that this gateway had seats in `channel`. Throws `RedisError`.
  func forget(_ channel: Channel) async throws {
    try await redis.send("SREM \(Self.places(of: gateway)) \(channel.description)")
  }

  /// The whole list of a channel. Throws `RedisError`.
  func list(_ channel: Channel) async throws -> (members: [MemberID: ChannelGrant.Listing], version: UInt64) {
    let topic = ChannelStore.topic(of: channel)
    let value = try await redis.run(Self.listing, keys: "\(topic):seats \(topic):listings")
    guard case .array(let parts) = value, parts.count == 2, let version = UInt64(try parts[0].decode(String.self))
    else {
      throw RedisReply(description: "the list of a channel is not as it should be")
    }
    var members: [MemberID: ChannelGrant.Listing] = [:]
    for (_, sealed) in try parts[1].decode([String: [UInt8]].self) {
      guard case .memberAdded(let member, let listing)? = seal.open(sealed, of: channel) else { continue }
      members[member] = listing
    }
    return (members, version)
  }

  // MARK: Leases

  /// Says that this gateway lives. Returns whether it was known: if not, its seats may be gone. Throws `RedisError`.
  func renew(now: Timestamp) async throws -> Bool {
    try await redis.send("ZADD \(Self.gateways) \(now.microseconds / 1000) \(gateway)").decode(Int.self) == 0
  }

  /// The gateways that have not said so since `time`. Throws `RedisError`.
  func silent(since time: Timestamp) async throws -> [String] {
    try await redis.send("ZRANGEBYSCORE \(Self.gateways) -inf \(time.microseconds / 1000)").decode()
  }

  /// Whether a gateway has been buried, or never was. While Redis does not know this one either, since it has lost its
  /// memory, it says nothing about others. Throws `RedisError`.
  func isGone(_ other: UInt64) async throws -> Bool {
    let known = try await redis.send("ZMSCORE \(Self.gateways) \(gateway) \("\(other)")").decode([String?].self)
    return known[0] != nil && known[1] == nil
  }

  /// Takes back all seats of a gateway that is gone, and forgets it. Throws `RedisError`; to repeat it is safe, also by
  /// several at once.
  func bury(_ dead: String) async throws {
    while true {
      let places = try await redis.send("SRANDMEMBER \(Self.places(of: dead)) 100").decode([String].self)
      if places.isEmpty { break }
      for place in places {
        if let channel = Channel(place) { try await vacate(channel, dead) }
      }
      try await redis.send("SREM \(Self.places(of: dead)) \(places)")
    }
    try await redis.send("ZREM \(Self.gateways) \(dead)")
  }

  private func vacate(_ channel: Channel, _ dead: String) async throws {
    let seats = try await redis.send("HGETALL \(ChannelStore.topic(of: channel)):seats").decode([String: String].self)
    for (member, gateways) in seats where gateways.split(separator: " ").contains(dead[...]) {
      if let member = MemberID(member) { try await leave(Seat(channel: channel, member: member), of: dead) }
    }
  }

  private static func places(of gateway: String) -> String { "rt:gateway:\(gateway):channels" }

  // MARK: Scripts

  // Versions begin with the time, so that after a flush they are higher than before.
  private static let nextVersion = """
    local function nextVersion()
      local version = redis.call('HINCRBY', KEYS[1], '#', 1)
      if version == 1 then
        version = redis.call('TIME')[1] * 1000000
        redis.call('HSET', KEYS[1], '#', string.format('%.0f', version))
      end
      return string.format('%.0f', version)
    end

    """

  // Keys: seats, listings. Arguments: member, gateway, sealed message, topic, whether it replaces an earlier one.
  private static let entering = RedisScript(
    nextVersion + """
      local gateways = redis.call('HGET', KEYS[1], ARGV[1])
      if not gateways then
        redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
      elseif not string.find(' ' .. gateways .. ' ', ' ' .. ARGV[2] .. ' ', 1, true) then
        redis.call('HSET', KEYS[1], ARGV[1], gateways .. ' ' .. ARGV[2])
      end
      if gateways and ARGV[5] == '0' then return 0 end
      redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
      redis.call('PUBLISH', ARGV[4], '@' .. nextVersion() .. ' ' .. ARGV[3])
      return 1
      """)

  // Keys: seats, listings. Arguments: member, gateway, sealed message, topic.
  private static let leaving = RedisScript(
    nextVersion + """
      local gateways = redis.call('HGET', KEYS[1], ARGV[1])
      if not gateways then return 0 end
      local left = {}
      for gateway in string.gmatch(gateways, '%S+') do
        if gateway ~= ARGV[2] then left[#left + 1] = gateway end
      end
      if #left > 0 then
        redis.call('HSET', KEYS[1], ARGV[1], table.concat(left, ' '))
        return 0
      end
      redis.call('HDEL', KEYS[1], ARGV[1])
      redis.call('HDEL', KEYS[2], ARGV[1])
      redis.call('PUBLISH', ARGV[4], '@' .. nextVersion() .. ' ' .. ARGV[3])
      return 1
      """)

  // Keys: seats, listings.
  private static let listing = RedisScript(
    """
    return {redis.call('HGET', KEYS[1], '#') or '0', redis.call('HGETALL', KEYS[2])}
    """)
}
