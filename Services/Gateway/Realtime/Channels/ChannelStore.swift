import Contract
import Crypto
import EventLoop
import Mesh
import Redis

/// What Redis keeps of channels, and the way from one gateway to the others.
///
/// Of each channel: its head (epoch and offset of the last kept event), a short history (the last 100 events, until
/// nothing has come for 5 minutes), and the pushes that are known already. What clients are told lies there sealed.
///
/// **Epochs.** A script carries the id of the Redis process that it was loaded into. Another process (after a restart or
/// a failover, which may have lost events) does not know the script; it is loaded anew with the other id, and every
/// channel that it touches then begins a new epoch. After a flush the head is gone, with the same effect.
@Loop final class ChannelStore {
  /// Kept events of one channel.
  static let historyCount = 100
  static let historyTime = Duration.seconds(300)
  /// How long a channel without events keeps its epoch.
  private static let headTime = Duration.seconds(86_400)
  /// Pushes of one channel that are known again when they are delivered twice.
  private static let knownPushes = 1000

  /// What a channel was when its history was read.
  struct History {
    /// The place behind the last event.
    let head: Position
    /// Events behind the place that was asked for, as far as they are still there, in order.
    let entries: [Entry]

    struct Entry {
      let offset: UInt64
      let sealed: [UInt8]
    }
  }

  let redis: RedisClient
  let seal: ChannelSeal
  private var scripts: Scripts?
  private var loading: Task<Scripts, any Error>?
  private var random = BufferedRandom()

  /// The scripts, as one Redis process knows them.
  struct Scripts {
    let append: String
    let read: String
  }

  init(_ redis: RedisClient, _ seal: ChannelSeal) { (self.redis, self.seal) = (redis, seal) }

  /// Where gateways hear of `channel`.
  nonisolated static func topic(of channel: Channel) -> String { "rt:{\(channel)}" }

  /// The channel that a topic is about.
  nonisolated static func channel(of topic: String) -> Channel? {
    guard topic.hasPrefix("rt:{"), topic.hasSuffix("}") else { return nil }
    return Channel(String(topic.dropFirst(4).dropLast()))
  }

  // MARK: Writing

  /// Adds an event to the history and tells the gateways; nothing happens when the push is known already.
  ///
  /// A channel that asks for admission has a head from its first subscriber on. Without one nobody can have a place in its
  /// history, so where no gateway hears it either, nothing is kept: members who are away cost no memory.
  ///
  /// Throws `RedisError`. To repeat it is safe.
  func append(_ event: ChannelMessage.Event, push: UniqueID, to channel: Channel) async throws {
    let sealed = seal.seal(.event(event), of: channel)
    let topic = Self.topic(of: channel)
    let epoch = String(freshEpoch(), radix: 36)
    let mayDrop = channel.kind == .open ? "0" : "1"
    let tail: RedisCommand =
      "3 \(topic):head \(topic):log \(topic):known \(push.description) \(epoch) \(sealed) \(topic) \(mayDrop)"
    try await run(\.append, tail)
  }

  /// Tells the gateways of something that no history keeps. Throws `RedisError`.
  func publish(_ message: ChannelMessage, to channel: Channel) async throws {
    try await publish("-", seal.seal(message, of: channel), to: Self.topic(of: channel))
  }

  private func publish(_ mark: String, _ sealed: [UInt8], to topic: String) async throws {
    try await redis.send("PUBLISH \(topic) \(Array(mark.utf8) + [UInt8(ascii: " ")] + sealed)")
  }

  // MARK: Reading

  /// The channel's head, and the events behind `position`; without one no events.
  /// - Parameter keeps: whether a channel that has no head yet gets one. What everybody may ask for should not.
  ///
  /// Throws `RedisError`.
  func read(_ channel: Channel, after position: Position?, keeps: Bool) async throws -> History {
    let topic = Self.topic(of: channel)
    let epoch = keeps ? String(freshEpoch(), radix: 36) : "-"
    let place = position.map { [String($0.epoch, radix: 36), "\($0.offset)"] } ?? ["-", "-"]
    let value = try await run(\.read, "2 \(topic):head \(topic):log \(epoch) \(place)")
    guard case .array(let parts) = value, parts.count == 3,
      let head = Position("\(try parts[0].decode(String.self)):\(try parts[1].decode(String.self))")
    else { throw RedisReply(description: "the history of a channel is not as it should be") }
    return History(head: head, entries: try parts[2].decode([RedisValue].self).map(Self.entry))
  }

  private static func entry(_ value: RedisValue) throws -> History.Entry {
    guard case .array(let parts) = value, parts.count == 2, case .array(let fields) = parts[1], fields.count == 2,
      let offset = UInt64(try parts[0].decode(String.self).prefix { $0 != "-" })
    else { throw RedisReply(description: "an entry of a history is not as it should be") }
    return History.Entry(offset: offset, sealed: try fields[1].decode([UInt8].self))
  }

  private func freshEpoch() -> UInt64 { random.next() | 1 }

  // MARK: Scripts

  @discardableResult
  private func run(_ script: any KeyPath<Scripts, String> & Sendable, _ tail: RedisCommand) async throws -> RedisValue {
    for _ in 0..<3 {
      let scripts = try await loaded()
      do {
        return try await redis.send("EVALSHA \(scripts[keyPath: script])" + tail)
      } catch let error as RedisError where error.code == "NOSCRIPT" {
        // Another process than the one that the scripts were made for.
        if self.scripts?.append == scripts.append { self.scripts = nil }
      }
    }
    throw RedisReply(description: "Redis forgets scripts at once")
  }

  private func loaded() async throws -> Scripts {
    if let scripts { return scripts }
    if let loading { return try await loading.value }
    let task = Task { @Loop in try await load() }
    loading = task
    defer { loading = nil }
    let scripts = try await task.value
    self.scripts = scripts
    return scripts
  }

  private func load() async throws -> Scripts {
    let info = try await redis.send("INFO server").decode(String.self)
    guard let line = info.split(whereSeparator: \.isNewline).first(where: { $0.hasPrefix("run_id:") }) else {
      throw RedisReply(description: "Redis does not say which process it is")
    }
    let prelude = "local server = '\(line.dropFirst("run_id:".count).filter { $0.isHexDigit })'\n"
    let answers = try await redis.send([
      "SCRIPT LOAD \(prelude + Self.appending)", "SCRIPT LOAD \(prelude + Self.reading)",
    ])
    return Scripts(append: try answers[0].decode(), read: try answers[1].decode())
  }

  // Keys: head, log, known pushes. Arguments: push, epoch if a new one begins, sealed event, topic, 1 if it may be dropped
  // where there is no head and nobody hears.
  private static let appending = """
    local head = redis.call('HMGET', KEYS[1], 'server', 'epoch', 'offset')
    local epoch, offset, told = head[2], tonumber(head[3])
    if head[1] ~= server then
      epoch, offset = ARGV[2], 0
      if not head[1] and ARGV[5] == '1' then
        told = redis.call('PUBLISH', ARGV[4], epoch .. ':1 ' .. ARGV[3])
        if told == 0 then return 0 end
      end
      redis.call('DEL', KEYS[2])
    end
    if redis.call('ZADD', KEYS[3], 'NX', redis.call('TIME')[1], ARGV[1]) == 0 then return 0 end
    redis.call('ZREMRANGEBYRANK', KEYS[3], 0, -\(knownPushes + 1))
    offset = offset + 1
    redis.call('HSET', KEYS[1], 'server', server, 'epoch', epoch, 'offset', offset)
    redis.call('XADD', KEYS[2], 'MAXLEN', \(historyCount), offset .. '-0', 'e', ARGV[3])
    redis.call('EXPIRE', KEYS[1], \(headTime.components.seconds))
    redis.call('EXPIRE', KEYS[2], \(historyTime.components.seconds))
    redis.call('EXPIRE', KEYS[3], \(historyTime.components.seconds))
    if not told then redis.call('PUBLISH', ARGV[4], epoch .. ':' .. offset .. ' ' .. ARGV[3]) end
    return offset
    """

  // Keys: head, log. Arguments: epoch if a new one begins ('-' for none), epoch and offset to read behind ('-' for none).
  private static let reading = """
    local head = redis.call('HMGET', KEYS[1], 'server', 'epoch', 'offset')
    local epoch, offset = head[2], head[3]
    if head[1] ~= server then
      if ARGV[1] == '-' then return {'0', '0', {}} end
      epoch, offset = ARGV[1], '0'
      redis.call('DEL', KEYS[2])
      redis.call('HSET', KEYS[1], 'server', server, 'epoch', epoch, 'offset', offset)
      redis.call('EXPIRE', KEYS[1], \(headTime.components.seconds))
    end
    if ARGV[2] == '-' or (ARGV[2] == epoch and ARGV[3] == offset) then return {epoch, offset, {}} end
    local first = 1
    if ARGV[2] == epoch then first = tonumber(ARGV[3]) + 1 end
    return {epoch, offset, redis.call('XRANGE', KEYS[2], first .. '-0', '+')}
    """
}

/// An answer of Redis that cannot be used.
struct RedisReply: Error, CustomStringConvertible {
  let description: String
}

/// Seals what gateways tell one another about a channel, so that it lies nowhere in clear.
struct ChannelSeal {
  private let ring: KeyRing

  /// Takes the gateways' root key.
  init(root: KeyRing) { ring = root.derived(for: "realtime channels") }

  func seal(_ message: ChannelMessage, of channel: Channel) -> [UInt8] {
    ring.seal(message.bytes, context: channel.description.utf8)
  }

  /// Nil for what gateways of this mesh did not seal for this channel, or do not understand.
  func open(_ sealed: some Collection<UInt8>, of channel: Channel) -> ChannelMessage? {
    guard let bytes = try? ring.open(sealed, context: channel.description.utf8) else { return nil }
    return ChannelMessage(bytes)
  }
}
