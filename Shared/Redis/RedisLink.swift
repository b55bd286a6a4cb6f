import EventLoop

/// Keeps one connection open: makes it, and makes it anew with back-off when it breaks.
@Loop final class RedisLink {
  private let configuration: RedisConfiguration
  private var waiting = FIFO<Promise<RedisConnection>>()
  private var lastFailure: RedisError?
  private var running: Task<Void, Never>?
  private var isClosed = false
  private(set) var connection: RedisConnection?

  /// Called with each new connection, before anyone else uses it.
  var onOpen: (@Loop (RedisConnection) -> Void)?

  init(_ configuration: RedisConfiguration) { self.configuration = configuration }

  /// The connection, as soon as there is one. Throws `RedisError` of kind `unavailable` or `overloaded`.
  func ready() async throws -> RedisConnection {
    if let connection, connection.isOpen { return connection }
    guard !isClosed else { throw RedisError(.unavailable, "the Redis client is closed") }
    while waiting.first?.isSettled == true { _ = waiting.popFirst() }
    guard waiting.count < configuration.maxInFlight else {
      throw RedisError(.overloaded, "\(waiting.count) commands wait for a connection to Redis already")
    }
    let promise = Promise<RedisConnection>()
    waiting.append(promise)
    start()
    let timer = Loop.schedule(after: configuration.timeout) { [weak self] in
      promise.fail(self?.lastFailure ?? RedisError(.unavailable, "there is no connection to Redis yet"))
    }
    defer { timer.cancel() }
    return try await promise.value
  }

  /// Begins to connect, if that has not begun.
  func start() {
    guard running == nil, !isClosed else { return }
    running = Loop.task { [self] in await run() }
  }

  func close() {
    isClosed = true
    running?.cancel()
    connection?.close()
    while let promise = waiting.popFirst() { promise.fail(RedisError(.unavailable, "the Redis client is closed")) }
  }

  private func run() async {
    var backoff = Backoff()
    while !isClosed {
      do {
        let connection = try await RedisConnection.open(configuration)
        backoff.reset()
        lastFailure = nil
        await use(connection)
      } catch {
        lastFailure = error as? RedisError ?? RedisError(.unavailable, "\(error)")
        try? await Loop.sleep(for: backoff.next())
      }
    }
  }

  /// Hands the connection out until it is lost.
  private func use(_ connection: RedisConnection) async {
    guard !isClosed, connection.isOpen else { return connection.close() }
    let lost = Promise<Void>()
    connection.onClose = { [weak self] reason in
      self?.lastFailure = RedisError(.unavailable, reason.message)
      lost.fulfil(())
    }
    self.connection = connection
    onOpen?(connection)
    while let promise = waiting.popFirst() { promise.fulfil(connection) }
    // Cancellation comes with the connection's end.
    try? await lost.value
  }
}
