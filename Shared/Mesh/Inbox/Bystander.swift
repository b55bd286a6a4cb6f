import Contract
import EventLoop
import Postgres
import Telemetry

/// Moves aggregates past events that nobody handles here, many in one statement.
///
/// A service hears everything a source says when it handles any of it, and most may be none of its business. Such an event
/// has no effect but that its aggregate's next one may come, and nobody waits for that until one comes that is handled. So
/// they are counted in memory, and what was counted in a moment is written down in one statement: a row for each
/// aggregate, however much it said. Their offsets are committed after that.
///
/// **Bounds.** Beyond `limit` events `isFull`, and no more may be added until some are written down.
@Loop final class Bystander {
  /// How long the first one waits for company.
  private static let moment = Duration.milliseconds(250)
  private static let limit = 2000
  private static let longestPause = Duration.seconds(1)

  private let database: Database
  private let log: Log
  private var waiting: [Place: Passage] = [:]
  private var running: [Place: Passage] = [:]
  private var count = 0
  private var timer: LoopTimer?
  private var isUrgent = false
  private var isClosed = false

  init(_ database: Database, log: Log) { (self.database, self.log) = (database, log) }

  /// An aggregate of a source.
  private struct Place: Hashable, Comparable {
    let source: String
    let subject: UniqueID

    static func < (a: Place, b: Place) -> Bool { (a.source, a.subject) < (b.source, b.subject) }
  }

  /// Events of one aggregate without a gap.
  private struct Passage {
    let first: Int64
    var last: Int64
    var count: Int
    /// Kept when they are written down, with whether they could be.
    var outcomes: [Promise<Bool>]

    mutating func add(_ version: Int64, _ outcome: Promise<Bool>) {
      last = max(last, version)
      count += 1
      outcomes.append(outcome)
    }
  }

  /// Whether those that are there must be written down before more may come.
  var isFull: Bool { count >= Self.limit }

  /// Lets an event pass, in the order in which its aggregate's are heard. The promise is kept when that is written down:
  /// with false when the event was not its aggregate's next one, or others of it are parked, and it has to be looked at by
  /// itself. It fails only when the process ends.
  func pass(_ subject: UniqueID, of source: String, version: Int64) -> Promise<Bool> {
    let outcome = Promise<Bool>()
    let place = Place(source: source, subject: subject)
    if isClosed {
      outcome.fail(CancellationError())
    } else if let passage = waiting[place], version > passage.last + 1 {
      outcome.fulfil(false)
    } else {
      waiting[place, default: Passage(first: version, last: version, count: 0, outcomes: [])].add(version, outcome)
      count += 1
      writeInAMoment()
    }
    return outcome
  }

  /// Returns when everything of an aggregate that has passed is written down.
  func settle(_ subject: UniqueID, of source: String) async {
    let place = Place(source: source, subject: subject)
    while waiting[place] != nil || running[place] != nil {
      let written = Promise<Bool>()
      if waiting[place] != nil {
        waiting[place]?.outcomes.append(written)
        write()
      } else {
        running[place]?.outcomes.append(written)
      }
      _ = try? await written.value
    }
  }

  /// Gives up what cannot be written down at once: it is heard again.
  func close() {
    isClosed = true
    write()
  }

  private func writeInAMoment() {
    if isFull { return write() }
    if timer?.isArmed != true { timer = Loop.schedule(after: Self.moment) { [weak self] in self?.write() } }
  }

  /// Writes down what waits: now, or as soon as what is being written is.
  private func write() {
    guard !waiting.isEmpty else { return }
    guard running.isEmpty else { return isUrgent = true }
    timer?.cancel()
    isUrgent = false
    (running, waiting) = (waiting, [:])
    Loop.task { [self] in
      let moved = await move(running)
      let written = running
      running = [:]
      for (place, passage) in written {
        count -= passage.count
        for outcome in passage.outcomes {
          if let moved { outcome.fulfil(moved.contains(place)) } else { outcome.fail(CancellationError()) }
        }
      }
      if isUrgent || isFull { write() } else if !waiting.isEmpty { writeInAMoment() }
    }
  }

  /// The aggregates that are moved, each to its last event's version; nil when the process ends first.
  private func move(_ passages: [Place: Passage]) async -> Set<Place>? {
    // Replicas that meet take the rows' locks in the same order.
    let places = passages.keys.sorted()
    let (firsts, lasts) = (places.map { passages[$0]!.first }, places.map { passages[$0]!.last })
    var pause = Duration.milliseconds(20)
    while true {
      do {
        let rows = try await database.query(
          """
          with heard as (
            select * from unnest(\(places.map(\.source)), \(places.map(\.subject)), \(firsts), \(lasts))
              as h(source, subject, first, last)
          ), moved as (
            update mesh_inbox i set version = h.last from heard h
            where i.source = h.source and i.subject = h.subject and i.version between h.first - 1 and h.last
              and not i.has_parked
            returning i.source, i.subject
          ), begun as (
            insert into mesh_inbox (source, subject, version) select source, subject, last from heard where first = 1
            on conflict do nothing returning source, subject
          )
          select source, subject from moved union all select source, subject from begun
          """)
        return try rows.reduce(into: []) { places, row in
          let (source, subject) = try row.decode(String.self, UniqueID.self)
          places.insert(Place(source: source, subject: subject))
        }
      } catch let error as PostgresError where error.passes {
        log.limited().warning("events that concern nobody here wait for the database", ["error": "\(error)"])
      } catch {
        log.error("events that concern nobody here cannot pass together", ["error": "\(error)"])
        return []
      }
      guard !isClosed else { return nil }
      try? await Loop.sleep(for: pause)
      pause = min(pause * 2, Self.longestPause)
    }
  }
}
