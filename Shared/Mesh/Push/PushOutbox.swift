import Contract
import EventLoop
import Kafka
import Postgres
import Telemetry

/// Brings committed pushes to Kafka: at once those of this process, and after a while those that another left behind.
///
/// A push's row in `mesh_pushes` is both its payload, sealed, and the mark that nobody has seen it acknowledged; it goes
/// when Kafka has the push. So every committed push is sent at least once, whoever dies; the gateways drop duplicates by
/// its identifier.
@Loop final class PushOutbox {
  private static let removeInterval = Duration.milliseconds(50)
  private static let relayInterval = Duration.seconds(1)
  private static let relayBatch = 500
  /// How long after the commit the relay leaves a push to its writer.
  private static let grace = Duration.seconds(2)
  /// How long a relay has for sending what it took.
  private static let lease = Duration.seconds(15)

  private let database: Database
  private let sender: PushSender
  private let log: Log
  private var sent: [UniqueID] = []
  private var removeTimer: LoopTimer?
  private var relayTimer: LoopTimer?
  private var isRelaying = false
  private var isClosed = false

  /// The service in whose name pushes are sent.
  var source: String { sender.source }

  /// A push as its row has it.
  struct Row: Sendable {
    let id: UniqueID
    let channel: String
    let sealed: PushMessage.Sealed
    /// The span in which it came about. A relay that finds the row in the place of its writer does not know it.
    var trace: TraceContext?
  }

  init(_ database: Database, _ sender: PushSender, log: Log) {
    (self.database, self.sender, self.log) = (database, sender, log)
  }

  /// Begins to look after what others left behind.
  func start() {
    relayTimer = Loop.schedule(after: Self.relayInterval) { [weak self] in self?.relayOnTime() }
  }

  /// Notes what was sent, and ends; what is still on its way is left to a relay.
  func stop() async {
    isClosed = true
    relayTimer?.cancel()
    removeTimer?.cancel()
    await removeSent()
  }

  /// The row of a push.
  func row(of message: PushMessage) -> Row {
    Row(
      id: message.id, channel: message.channel.description, sealed: message.sealed(by: sender.ring),
      trace: TraceContext.current)
  }

  /// The statement that writes rows.
  static func write(_ rows: [Row], now: Timestamp) -> SQL {
    """
    insert into mesh_pushes (id, channel, head, body, due_at)
    select *, \(now + grace) from unnest(\(rows.map(\.id)), \(rows.map(\.channel)), \(rows.map(\.sealed.head)),
      \(rows.map(\.sealed.body)))
    """
  }

  /// Sends pushes that have been committed. Those that find no room are left to the relay.
  func send(_ rows: [Row]) {
    for row in rows {
      guard !isClosed, sender.hasRoom else { return }
      sender.send(row.sealed, to: row.channel, of: row.trace) { [weak self] isDelivered in
        if isDelivered { self?.finish(row.id) }
      }
    }
  }

  private func finish(_ id: UniqueID) {
    sent.append(id)
    guard removeTimer?.isArmed != true else { return }
    if let removeTimer { return removeTimer.reset(after: Self.removeInterval) }
    removeTimer = Loop.schedule(after: Self.removeInterval) { [weak self] in
      Loop.task { await self?.removeSent() }
    }
  }

  private func removeSent() async {
    guard !sent.isEmpty else { return }
    let ids = sent
    sent = []
    do {
      try await database.query("delete from mesh_pushes where id = any(\(ids))")
    } catch {
      // The relay sends them once more, and the gateways drop the duplicates.
      log.limited().warning("pushes that were sent are still noted", ["pushes": ids.count, "error": "\(error)"])
    }
  }

  private func relayOnTime() {
    relayTimer?.reset(after: Self.relayInterval)
    guard !isRelaying, !isClosed else { return }
    isRelaying = true
    Loop.task { [self] in
      do {
        while try await relay() == Self.relayBatch {}
      } catch {
        log.limited().warning("the relay could not look for pushes", ["error": "\(error)"])
      }
      isRelaying = false
    }
  }

  /// Sends what is past due; returns how many pushes that were.
  private func relay() async throws -> Int {
    guard !isClosed, sender.hasRoom else { return 0 }
    let rows = try await database.query(
      """
      with due as (
        select id from mesh_pushes where due_at <= now() order by id limit \(Self.relayBatch) for update skip locked
      )
      update mesh_pushes p set due_at = now() + \(Self.lease) from due where p.id = due.id
      returning p.id, p.channel, p.head, p.body
      """)
    send(
      try rows.map { row in
        let (id, channel, head, body) = try row.decode(UniqueID.self, String.self, [UInt8].self, [UInt8].self)
        return Row(id: id, channel: channel, sealed: PushMessage.Sealed(head: head, body: body))
      })
    return rows.count
  }
}
