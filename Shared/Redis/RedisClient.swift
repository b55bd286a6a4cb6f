import EventLoop

/// A Redis server, as one process uses it.
///
/// **Overview.** One connection for all: commands leave without waiting for earlier answers, those of one turn of the
/// loop in one write, and answers come back in order (RESP2). Commands that block (`BLPOP`, `XREAD BLOCK`, `WAIT`) would
/// hold up all others and have no place here. Subscriptions have a client of their own, `RedisSubscriber`.
///
/// hiredis reads the replies. Its asynchronous interface is not used: it resolves names on the loop, stops the process
/// when a push is of a kind it does not know (sharded channels, for one), and cannot probe a subscribed connection.
///
/// **Failures.** A lost connection is made anew with back-off. What was under way fails as `connectionLost`; what comes
/// meanwhile waits for the connection, within the command's time. Nothing is repeated.
///
/// **Bounds.** Commands and bytes under way, commands that wait, and each command's time: see `RedisConfiguration`.
///
/// **Life cycle.** It connects at first use and stays connected until `close()`.
@Loop public final class RedisClient {
  private let link: RedisLink

  /// Prepares to use a server; connects at first use.
  public init(_ configuration: RedisConfiguration) { link = RedisLink(configuration) }

  /// Ends it. What is under way fails.
  public func close() { link.close() }

  /// Sends a command and waits for its answer.
  ///
  /// Throws `RedisError`, or `CancellationError` when the task is cancelled; the command may have taken effect then.
  @discardableResult
  public func send(_ command: RedisCommand) async throws -> RedisValue {
    let promise = Promise<RedisValue>()
    do {
      try await link.ready().send(command, promise)
      let value = try await promise.value
      if case .error(let message) = value { throw RedisError(reply: message) }
      return value
    } catch var error as RedisError {
      error.command = command.name
      throw error
    }
  }

  /// Sends commands one directly after another and waits for all their answers, in order. Where Redis refuses one, its
  /// answer is `.error`.
  ///
  /// Throws `RedisError` when the connection fails, or `CancellationError`.
  public func send(_ commands: [RedisCommand]) async throws -> [RedisValue] {
    let connection = try await link.ready()
    let promises = commands.map { _ in Promise<RedisValue>() }
    for (command, promise) in zip(commands, promises) { try connection.send(command, promise) }
    var values: [RedisValue] = []
    values.reserveCapacity(commands.count)
    for promise in promises { values.append(try await promise.value) }
    return values
  }

  /// Runs a script. Redis gets its text at the first run, and again when it has forgotten it.
  ///
  ///     try await redis.run(script, keys: "{\(channel)}:offset", arguments: "\(push) \(body)")
  ///
  /// Throws as `send` does.
  @discardableResult
  public func run(
    _ script: RedisScript, keys: RedisCommand = "", arguments: RedisCommand = ""
  ) async throws -> RedisValue {
    let tail: RedisCommand = "\(keys.ends.count)" + keys + arguments
    guard let digest = script.digest else {
      script.digest = try await send("SCRIPT LOAD \(script.text)").decode(String.self)
      return try await run(script, keys: keys, arguments: arguments)
    }
    do {
      return try await send("EVALSHA \(digest)" + tail)
    } catch let error as RedisError where error.code == "NOSCRIPT" {
      return try await send("EVAL \(script.text)" + tail)
    }
  }
}

/// A script in Lua, which Redis runs as one step. Make it once and keep it: Redis then gets its text only once.
@Loop public final class RedisScript {
  let text: String
  /// The digest by which Redis knows the text. It depends on nothing else, so it holds for every server.
  var digest: String?

  /// Takes the text.
  nonisolated public init(_ text: String) { self.text = text }
}
