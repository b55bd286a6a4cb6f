import CRedis
import EventLoop

/// The owner of one `redisReader`: bytes in, replies out.
@Loop private final class ReplyReader {
  private let pointer: UnsafeMutablePointer<redisReader>

  init() {
    guard let pointer = redisReaderCreate() else { preconditionFailure("no memory for a reader of Redis replies") }
    self.pointer = pointer
  }

  isolated deinit { redisReaderFree(pointer) }

  func feed(_ bytes: UnsafeMutableRawBufferPointer) {
    _ = redisReaderFeed(pointer, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count)
  }

  /// The next whole reply, or nil when more bytes are needed. Throws when the bytes are no replies.
  func next() throws(RedisError) -> RedisValue? {
    var reply: UnsafeMutableRawPointer?
    guard redisReaderGetReply(pointer, &reply) == REDIS_OK else {
      let reason = withUnsafePointer(to: pointer.pointee.errstr) {
        $0.withMemoryRebound(to: CChar.self, capacity: 128) { String(cString: $0) }
      }
      throw RedisError(.connectionLost, "what Redis sent cannot be understood: \(reason)")
    }
    guard let reply else { return nil }
    defer { freeReplyObject(reply) }
    return RedisValue(reply.assumingMemoryBound(to: redisReply.self).pointee)
  }
}

/// One connection: commands are sent without waiting for earlier ones, all of a turn in one write, and answers come
/// back in order.
///
/// The loop keeps an open connection alive; `close()` or the loss of the connection lets go of it.
@Loop final class RedisConnection: SocketDelegate {
  private struct Pending {
    let promise: Promise<RedisValue>
    let deadline: ContinuousClock.Instant
    let size: Int
  }

  /// Name resolution blocks.
  nonisolated private static let resolver = BackgroundPool(threads: 1)

  private let configuration: RedisConfiguration
  private let socket: Socket
  private let reader = ReplyReader()
  private var pending = FIFO<Pending>()
  private var bytesInFlight = 0
  private var scratch: [UInt8] = []
  private var overdue: LoopTimer?

  /// Takes everything that comes, in place of answers to commands: for a connection that subscribes.
  var onPush: (@Loop (RedisValue) -> Void)?
  /// Called once, when the connection is closed or lost.
  var onClose: (@Loop (RedisError) -> Void)?
  /// When something last came.
  private(set) var lastSign = Loop.now
  private(set) var isOpen = true

  private init(_ socket: Socket, _ configuration: RedisConfiguration) {
    (self.socket, self.configuration) = (socket, configuration)
    // Answers must be read however much is still to be sent.
    socket.outputLimit = .max
    socket.delegate = self
  }

  /// Connects, logs in and checks that Redis is ready. Throws `RedisError` of kind `unavailable`.
  static func open(_ configuration: RedisConfiguration) async throws -> RedisConnection {
    let opening = Task { @Loop in
      let (host, port) = (configuration.host, configuration.port)
      let address = try await resolver.run { try SocketAddress(host: host, port: port) }
      let connection = RedisConnection(try await Socket.connect(to: address), configuration)
      do {
        try await connection.logIn()
      } catch {
        connection.close()
        throw error
      }
      return connection
    }
    let limit = configuration.connectTimeout
    let timer = Loop.schedule(after: limit) { opening.cancel() }
    defer { timer.cancel() }
    do {
      return try await opening.value
    } catch is CancellationError {
      throw RedisError(.unavailable, "Redis at \(configuration.host):\(configuration.port) gave no answer in \(limit)")
    } catch {
      let reason = (error as? RedisError)?.message ?? "\(error)"
      throw RedisError(.unavailable, "Redis at \(configuration.host):\(configuration.port): \(reason)")
    }
  }

  private func logIn() async throws {
    var commands: [RedisCommand] = []
    if let password = configuration.password {
      commands.append(configuration.username.map { "AUTH \($0) \(password)" } ?? "AUTH \(password)")
    }
    if configuration.database != 0 { commands.append("SELECT \(configuration.database)") }
    commands.append("CLIENT SETNAME \(configuration.clientName)")
    // The last is refused while Redis is still loading its data.
    commands.append("PING")
    for command in commands {
      let promise = Promise<RedisValue>()
      try send(command, promise)
      if case .error(let message) = try await promise.value { throw RedisError(reply: message, command: command.name) }
    }
  }

  /// Sends a command, whose answer goes to `promise`. Throws `RedisError` when it cannot be sent.
  func send(_ command: RedisCommand, _ promise: Promise<RedisValue>) throws(RedisError) {
    guard isOpen else { throw RedisError(.connectionLost, "the connection to Redis is closed") }
    let size = command.bytes.count
    guard pending.count < configuration.maxInFlight, bytesInFlight < configuration.maxBytesInFlight else {
      throw RedisError(.overloaded, "\(pending.count) commands with \(bytesInFlight) bytes are under way to Redis")
    }
    bytesInFlight += size
    // The turn's time would do, were it not for long turns, in which it is old.
    let deadline = ContinuousClock.now + configuration.timeout
    pending.append(Pending(promise: promise, deadline: deadline, size: size))
    if overdue?.isArmed != true {
      overdue = Loop.schedule(after: configuration.timeout) { [weak self] in self?.expire() }
    }
    write(command)
  }

  /// Sends a command whose answer comes as a push.
  func push(_ command: RedisCommand) { if isOpen { write(command) } }

  private func write(_ command: RedisCommand) {
    scratch.removeAll(keepingCapacity: scratch.capacity <= 64 << 10)
    command.write(into: &scratch)
    scratch.withUnsafeBytes { socket.send(copying: $0) }
  }

  /// Fails the commands whose time is over. Their answers are still owed; when the oldest is owed for twice the time,
  /// the connection is given up.
  private func expire() {
    guard isOpen, let oldest = pending.first else { return }
    let now = ContinuousClock.now
    var next = oldest.deadline + configuration.timeout
    let isLost = now >= next
    for command in pending {
      guard command.deadline <= now else {
        next = min(next, command.deadline)
        break
      }
      command.promise.fail(RedisError(.timeout, "Redis has not answered within \(configuration.timeout)"))
    }
    if isLost { return lose(RedisError(.connectionLost, "Redis has not answered for \(configuration.timeout * 2)")) }
    overdue?.reset(after: now.duration(to: next))
  }

  /// Called by the socket.
  func received(_ bytes: UnsafeMutableRawBufferPointer, on socket: Socket) {
    lastSign = Loop.now
    reader.feed(bytes)
    do {
      while isOpen, let value = try reader.next() { take(value) }
    } catch {
      lose(error)
    }
  }

  private func take(_ value: RedisValue) {
    if let onPush { return onPush(value) }
    if let command = pending.popFirst() {
      bytesInFlight -= command.size
      command.promise.fulfil(value)
    } else {
      // Unasked, Redis speaks only to say why it hangs up, as "max number of clients reached".
      let reason = if case .error(let message) = value { message } else { "an answer came to no question" }
      lose(RedisError(.connectionLost, reason))
    }
  }

  /// Called by the socket.
  func closed(_ socket: Socket, reason: SocketError?) {
    lose(RedisError(.connectionLost, reason?.description ?? "Redis closed the connection"))
  }

  /// Ends it. What is under way fails.
  func close() { lose(RedisError(.connectionLost, "the connection to Redis was closed")) }

  private func lose(_ reason: RedisError) {
    guard isOpen else { return }
    isOpen = false
    overdue?.cancel()
    socket.close()
    while let command = pending.popFirst() { command.promise.fail(reason) }
    let onClose = onClose
    self.onClose = nil
    onPush = nil
    onClose?(reason)
  }
}
