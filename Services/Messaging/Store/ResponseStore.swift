import Contract
import EventLoop
import Mesh
import MessagingAPI
import Postgres

/// How providers answer: questions that were answered, in `response_samples`; the one that waits, with its conversation;
/// what comes of them, in `response_metrics`.
@Loop struct ResponseStore {
  /// What is known of a provider.
  struct Metrics {
    let summary: ResponseSummary
    let updatedAt: Timestamp?
    let isHidden: Bool
  }

  private let database: any Querying

  init(_ database: any Querying) { self.database = database }

  // MARK: Questions and answers

  /// Adds a question that was answered, along with the commit.
  static func add(_ sample: ResponseClock.Sample, to conversation: ConversationID, provider: MemberID, in tx: Tx) {
    tx.send(insertion(sample, conversation, provider))
  }

  private static func insertion(
    _ sample: ResponseClock.Sample, _ conversation: ConversationID, _ provider: MemberID
  ) -> SQL {
    """
    insert into response_samples (conversation_id, asked_seq, provider_id, asked_at, answered_at)
    values (\(conversation), \(sample.seq), \(provider), \(sample.askedAt), \(sample.answeredAt)) on conflict do nothing
    """
  }

  /// The questions to a provider since a time that were answered, and those that wait.
  func questions(
    to provider: MemberID, since: Timestamp
  ) async throws -> (answered: [ResponseClock.Sample], waiting: [ResponseClock.Question]) {
    let answered = try await database.query(
      """
      select asked_seq, asked_at, answered_at from response_samples
      where provider_id = \(provider) and asked_at >= \(since)
      """
    ).decode(Int64.self, Timestamp.self, Timestamp.self)
    let waiting = try await database.query(
      """
      select asked_seq, asked_at from conversations
      where provider_id = \(provider) and asked_at >= \(since) and asked_seq is not null
      """
    ).decode(Int64.self, Timestamp.self)
    return (
      answered.map { ResponseClock.Sample(seq: $0.0, askedAt: $0.1, answeredAt: $0.2) },
      waiting.map { ResponseClock.Question(seq: $0.0, at: $0.1) }
    )
  }

  /// Nobody waits in the direct conversation of two members any more.
  func stopClock(between one: MemberID, and other: MemberID) async throws {
    try await database.query(
      """
      update conversations set asked_seq = null, asked_at = null
      where kind = 'direct' and first_id = \(min(one, other)) and second_id = \(max(one, other))
      """)
  }

  /// The first message at or after `seq` that was not deleted, of somebody who is not the provider, of a conversation whose
  /// clock stands at `seq`; nil in the first place when it does not stand there.
  func clock(
    at seq: Int64, in conversation: ConversationID
  ) async throws -> (provider: MemberID, next: ResponseClock.Question?)? {
    let rows = try await database.query(
      """
      select c.provider_id, m.seq, m.sent_at from conversations c left join lateral (
        select seq, sent_at from messages
        where conversation_id = c.id and seq > \(seq) and sender_id <> c.provider_id and deleted_at is null
          and notice is null
        order by seq limit 1
      ) m on true
      where c.id = \(conversation) and c.asked_seq = \(seq) and c.provider_id is not null
      """)
    guard let (provider, next, at) = try rows.first?.decode(MemberID.self, Int64?.self, Timestamp?.self) else {
      return nil
    }
    return (provider, next.flatMap { seq in at.map { ResponseClock.Question(seq: seq, at: $0) } })
  }

  /// Stores the message that waits in a conversation.
  func save(_ clock: ResponseClock, of conversation: ConversationID) async throws {
    try await database.query(
      """
      update conversations set asked_seq = \(clock.question?.seq), asked_at = \(clock.question?.at)
      where id = \(conversation)
      """)
  }

  /// Forgets questions that count no more, at most a thousand; returns how many.
  func removeOld(now: Timestamp) async throws -> Int {
    try await database.query(
      """
      delete from response_samples where ctid = any(array(
        select ctid from response_samples where asked_at < \(now - ResponseSummary.window) limit 1000))
      """
    ).affected
  }

  // MARK: Client and provider

  /// Says anew, for each direct conversation of a member, who of the two is the provider: the one who is; where both are,
  /// the one who did not open it.
  func assignProviders(in conversationsOf: MemberID) async throws {
    try await database.query(
      """
      update conversations c set provider_id = assigned.provider_id,
        asked_seq = case when c.provider_id is not distinct from assigned.provider_id then c.asked_seq end,
        asked_at = case when c.provider_id is not distinct from assigned.provider_id then c.asked_at end
      from (
        select d.id, case
          when other.is_provider then other.id when opener.is_provider then opener.id end as provider_id
        from conversations d
        left join members opener on opener.id = d.opener_id
        left join members other on other.id = case when d.opener_id = d.first_id then d.second_id else d.first_id end
        where d.kind = 'direct' and (d.first_id = \(conversationsOf) or d.second_id = \(conversationsOf))
      ) assigned
      where c.id = assigned.id and c.provider_id is distinct from assigned.provider_id
      """)
  }

  /// The conversations in which a member is the provider.
  func conversations(of provider: MemberID) async throws -> [ConversationID] {
    try await database.query("select id from conversations where provider_id = \(provider)").decode(ConversationID.self)
  }

  /// What has happened in a conversation since a time, for `ResponseClock.replay`; its row is locked until the transaction
  /// ends.
  func history(
    of conversation: ConversationID, provider: MemberID, since: Timestamp
  ) async throws -> [ResponseClock.Entry] {
    try await database.query("select from conversations where id = \(conversation) for update")
    let messages = try await database.query(
      """
      select seq, sender_id, sent_at, deleted_at from messages
      where conversation_id = \(conversation) and sent_at >= \(since) and notice is null order by seq
      """
    ).decode(Int64.self, MemberID.self, Timestamp.self, Timestamp?.self)
    let blockedAt = try await database.query(
      """
      select max(b.blocked_at) from blocks b join conversations c
        on (b.member_id, b.blocked_id) in ((c.first_id, c.second_id), (c.second_id, c.first_id))
      where c.id = \(conversation)
      """)[0].decode(column: 0, as: Timestamp?.self)
    func entries(_ messages: some Sequence<(Int64, MemberID, Timestamp, Timestamp?)>) -> [ResponseClock.Entry] {
      messages.map { seq, sender, at, deletedAt in
        .message(sender == provider ? .provider : .client, seq: seq, at: at, deletedAt: deletedAt)
      }
    }
    guard let blockedAt else { return entries(messages) }
    return entries(messages.filter { $0.2 < blockedAt }) + [.stopped] + entries(messages.filter { $0.2 >= blockedAt })
  }

  /// Puts questions that were worked out anew in the place of those of a conversation.
  func replace(
    _ samples: [ResponseClock.Sample], _ clock: ResponseClock, of conversation: ConversationID, provider: MemberID
  ) async throws {
    try await database.query("delete from response_samples where conversation_id = \(conversation)")
    for sample in samples { try await database.query(Self.insertion(sample, conversation, provider)) }
    try await save(clock, of: conversation)
  }

  // MARK: Metrics

  /// What is known of a provider, locked until the transaction ends; nil for a member who is none.
  func lockMetrics(of provider: MemberID) async throws -> Metrics? {
    try await database.query("select from members where id = \(provider) for update")
    return try await metrics(of: provider)
  }

  /// What is known of a provider; nil for a member who is none.
  func metrics(of provider: MemberID) async throws -> Metrics? {
    let rows = try await database.query(
      """
      select m.samples, m.response_rate, m.average_seconds, m.median_seconds, m.updated_at, m.is_hidden
      from members p left join response_metrics m on m.member_id = p.id where p.id = \(provider) and p.is_provider
      """)
    return try rows.first.map { row in
      let (samples, rate, average, median, updatedAt, isHidden) = try row.decode(
        Int?.self, Double?.self, Double?.self, Double?.self, Timestamp?.self, Bool?.self)
      let summary = ResponseSummary(
        samples: samples ?? 0, rate: rate, average: average.map { .seconds($0) }, median: median.map { .seconds($0) })
      return Metrics(summary: summary, updatedAt: updatedAt, isHidden: isHidden ?? false)
    }
  }

  /// Stores what was worked out.
  func save(_ summary: ResponseSummary, of provider: MemberID, now: Timestamp) async throws {
    try await database.query(
      """
      insert into response_metrics (member_id, samples, response_rate, average_seconds, median_seconds, updated_at)
      values (\(provider), \(Int32(clamping: summary.samples)), \(summary.rate), \(summary.average?.inSeconds),
        \(summary.median?.inSeconds), \(now))
      on conflict (member_id) do update set samples = excluded.samples, response_rate = excluded.response_rate,
        average_seconds = excluded.average_seconds, median_seconds = excluded.median_seconds,
        updated_at = excluded.updated_at
      """)
  }

  /// Shows a provider's metrics to others, or hides them.
  func hide(_ isHidden: Bool, of provider: MemberID) async throws {
    try await database.query(
      """
      insert into response_metrics (member_id, is_hidden) values (\(provider), \(isHidden))
      on conflict (member_id) do update set is_hidden = excluded.is_hidden
      """)
  }

  /// The hours in which a provider need not answer.
  func quietHours(of provider: MemberID) async throws -> QuietHours? {
    let rows = try await database.query(
      "select starts_at, ends_at, timezone from quiet_hours where member_id = \(provider)")
    return try rows.first.flatMap { row in
      let (start, end, timezone) = try row.decode(Int.self, Int.self, String.self)
      return QuietHours(start: start, end: end, timezone: timezone)
    }
  }

  /// Keeps the hours in which a provider need not answer; nil for none.
  func save(_ quietHours: (start: Int, end: Int, timezone: String)?, of provider: MemberID) async throws {
    guard let hours = quietHours else {
      try await database.query("delete from quiet_hours where member_id = \(provider)")
      return
    }
    try await database.query(
      """
      insert into quiet_hours (member_id, starts_at, ends_at, timezone)
      values (\(provider), \(Int32(clamping: hours.start)), \(Int32(clamping: hours.end)), \(hours.timezone))
      on conflict (member_id) do update set starts_at = excluded.starts_at, ends_at = excluded.ends_at,
        timezone = excluded.timezone
      """)
  }
}

extension Duration {
  /// For a column of seconds.
  fileprivate var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
