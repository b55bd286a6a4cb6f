import Contract
import EventLoop
import Postgres

/// How far the events of one aggregate have taken effect.
struct InboxPlace: Equatable, Sendable {
  /// What is to be done with an event.
  enum Verdict: Equatable {
    /// It has taken effect before.
    case drop
    /// It is the next one.
    case apply
    /// One or more before it are missing.
    case park
  }

  /// The last version that took effect; 0 when none did.
  var version: Int64 = 0
  /// Whether later ones wait.
  var hasParked = false
  /// Whether there is a row for it.
  var isKnown = false

  /// What is to be done with the event of this version.
  func verdict(on version: Int64) -> Verdict {
    version <= self.version ? .drop : version == self.version + 1 ? .apply : .park
  }

  /// Finds the place of an event's aggregate, and keeps others from moving it.
  @Loop static func lock(_ record: OutboxRecord, in transaction: Transaction) async throws -> InboxPlace {
    let rows = try await transaction.query(
      """
      select version, has_parked from mesh_inbox where source = \(record.source) and subject = \(record.subject)
      for update
      """)
    guard let row = rows.first else { return InboxPlace() }
    let (version, hasParked) = try row.decode(Int64.self, Bool.self)
    return InboxPlace(version: version, hasParked: hasParked, isKnown: true)
  }

  /// Writes the place anew. Without a row it inserts one, which fails when another replica did so meanwhile.
  func statement(for record: OutboxRecord, version: Int64, hasParked: Bool) -> SQL {
    isKnown
      ? """
      update mesh_inbox set version = \(version), has_parked = \(hasParked)
      where source = \(record.source) and subject = \(record.subject)
      """
      : """
      insert into mesh_inbox (source, subject, version, has_parked)
      values (\(record.source), \(record.subject), \(version), \(hasParked))
      """
  }
}

/// What the inbox asks of its tables.
enum InboxStatements {
  /// Parks an event. One that is there already gets the reason, if there is a new one.
  static func park(_ record: OutboxRecord, reason: String?, attempts: Int) -> SQL {
    """
    insert into mesh_parked
      (source, subject, version, id, name, payload, traceparent, occurred_at, reason, attempts)
    values (\(record.source), \(record.subject), \(record.version), \(record.id), \(record.name), \(record.payload),
      \(record.traceparent), \(record.occurredAt), \(reason), \(attempts))
    on conflict (source, subject, version) do update set
      reason = coalesce(excluded.reason, mesh_parked.reason), attempts = mesh_parked.attempts + excluded.attempts
    """
  }

  /// The parked event that is next, unless it waits to be repaired. Locks the aggregate.
  static func nextParked(source: String, subject: UniqueID) -> SQL {
    """
    select p.id, p.name, p.subject, p.version, p.payload, p.traceparent, p.occurred_at
    from mesh_inbox i join mesh_parked p using (source, subject)
    where i.source = \(source) and i.subject = \(subject) and p.version = i.version + 1 and p.reason is null
    for update of i
    """
  }

  /// Takes a parked event, which has taken effect, away.
  static func unpark(_ record: OutboxRecord) -> SQL {
    """
    with gone as (
      delete from mesh_parked where source = \(record.source) and subject = \(record.subject)
        and version = \(record.version)
    )
    update mesh_inbox set version = \(record.version)
    where source = \(record.source) and subject = \(record.subject)
    """
  }

  /// Takes an event, which has taken effect from elsewhere, out of those that are parked.
  static func forget(_ record: OutboxRecord) -> SQL {
    """
    delete from mesh_parked where source = \(record.source) and subject = \(record.subject)
      and version = \(record.version)
    """
  }

  /// Notes whether anything is parked.
  static func noteEmpty(source: String, subject: UniqueID) -> SQL {
    """
    update mesh_inbox i set has_parked = exists (
      select from mesh_parked p where p.source = i.source and p.subject = i.subject and p.version > i.version)
    where source = \(source) and subject = \(subject)
    """
  }

  /// Aggregates whose next event is parked and may be tried.
  static let resumable: SQL = """
    select p.source, p.subject from mesh_parked p join mesh_inbox i using (source, subject)
    where p.version = i.version + 1 and p.reason is null limit 100
    """
}
