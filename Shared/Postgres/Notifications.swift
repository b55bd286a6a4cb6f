import EventLoop

/// What a listener hears.
public enum Notification: Sendable, Equatable {
  /// Listening has begun, or begun again after the connection was lost; earlier notifications may have been missed.
  case listening
  /// Somebody has notified the channel, with this payload.
  case received(String)
}

/// One listener of one channel. Letting go of it does not end it; `cancel()` does.
@Loop public final class Listening {
  fileprivate let channel: String
  fileprivate var handler: (@Loop (Notification) -> Void)?
  private weak var notifications: Notifications?

  fileprivate init(
    _ channel: String, _ notifications: Notifications, _ handler: @escaping @Loop (Notification) -> Void
  ) {
    (self.channel, self.notifications, self.handler) = (channel, notifications, handler)
  }

  /// Ends it: the handler is not called any more. May be repeated.
  public func cancel() {
    handler = nil
    notifications?.forget(self)
  }
}

/// All of a process's listeners, on one connection that is opened for the first of them and replaced when it breaks.
@Loop final class Notifications {
  private let pool: Pool
  private var listeners: [Listening] = []
  private var connection: Connection?
  private var isRunning = false
  private var isClosed = false

  init(_ configuration: Database.Configuration) { pool = Pool(configuration, size: 1) }

  func listen(to channel: String, _ handler: @escaping @Loop (Notification) -> Void) -> Listening {
    let listening = Listening(channel, self, handler)
    listeners.append(listening)
    if let connection, connection.isOpen {
      begin(channel, on: connection, for: [listening])
    } else if !isRunning {
      isRunning = true
      Loop.task { [self] in await run() }
    }
    return listening
  }

  fileprivate func forget(_ listening: Listening) {
    listeners.removeAll { $0 === listening }
    guard !listeners.contains(where: { $0.channel == listening.channel }) else { return }
    connection?.send("UNLISTEN \(identifier: listening.channel)") { _ in }
  }

  func close() {
    isClosed = true
    pool.close()
    connection?.close()
  }

  private func run() async {
    var backoff = Backoff()
    while !isClosed {
      do {
        let connection = try await pool.borrow()
        backoff.reset()
        await hear(connection)
      } catch {
        try? await Loop.sleep(for: backoff.next())
      }
    }
  }

  /// Listens on `connection` until it is lost.
  private func hear(_ connection: Connection) async {
    let lost = Promise<Void>()
    let onClose = connection.onClose
    connection.onClose = {
      onClose?($0)
      lost.fulfil(())
    }
    connection.onNotification = { [weak self] channel, payload in
      guard let self else { return }
      for listening in listeners where listening.channel == channel { listening.handler?(.received(payload)) }
    }
    self.connection = connection
    for (channel, group) in Dictionary(grouping: listeners, by: \.channel) {
      begin(channel, on: connection, for: group)
    }
    try? await lost.value
  }

  private func begin(_ channel: String, on connection: Connection, for group: [Listening]) {
    connection.send("LISTEN \(identifier: channel)") { outcome in
      switch outcome {
      case .success: for listening in group { listening.handler?(.listening) }
      case .failure: connection.close()
      }
    }
  }
}
