import Contract
import EventLoop
import MessagingAPI
import Postgres

/// The blind index, in `search_words`, and the conversations that wait for it, in `search_backlog`.
@Loop struct SearchStore {
  /// Where a word occurs: a row of the index.
  struct Word {
    let tag: Int64
    let block: SearchBlock
    var hits: UInt64
    var firstAt: Timestamp
    var lastAt: Timestamp
  }

  /// A block with messages in which all words of a query occur.
  struct Hit {
    /// The position of its conversation in the query.
    let conversation: Int
    let block: SearchBlock
    let hits: UInt64
    /// No message of these was sent later.
    let lastAt: Timestamp
  }

  /// A conversation that the index has not caught up with.
  struct Backlog {
    let conversation: ConversationID
    let sealedKey: [UInt8]
    let lastSeq: Int64
    var indexedSeq: Int64
  }

  private let database: any Querying

  init(_ database: any Querying) { self.database = database }

  /// Finds blocks in which all words occur, the newest first. `tags` has a list for each word, with its tag in each of the
  /// conversations; the rarest word comes first.
  func find(
    _ tags: [[Int64]], from: Timestamp?, until: Timestamp, limit: Int
  ) async throws -> [Hit] {
    var lists: SQL = "\(tags[0])"
    var names: SQL = "tag0"
    var joins: SQL = "search_words w0"
    var hits: SQL = "w0.hits"
    var lastAt: SQL = "w0.last_at"
    var isInTime: SQL = "w0.first_at <= \(until)"
    if let from { isInTime += " and w0.last_at >= \(from)" }
    for (index, tags) in tags.enumerated().dropFirst() {
      let word = SQL(trusted: "w\(index)")
      let tag = SQL(trusted: "tag\(index)")
      lists += ", \(tags)"
      names += ", \(tag)"
      joins += " join search_words \(word) on \(word).tag = wanted.\(tag) and \(word).block = w0.block"
      hits += " & \(word).hits"
      lastAt += ", \(word).last_at"
      isInTime += " and \(word).first_at <= \(until)"
      if let from { isInTime += " and \(word).last_at >= \(from)" }
    }
    return try await database.query(
      """
      select wanted.position, hit.block, hit.hits, hit.last_at
      from unnest(\(lists)) with ordinality as wanted (\(names), position)
      cross join lateral (
        select w0.block, \(hits) as hits, least(\(lastAt)) as last_at from \(joins)
        where w0.tag = wanted.tag0 and (\(hits)) <> 0 and \(isInTime) order by w0.block desc limit \(limit)
      ) hit
      order by hit.last_at desc limit \(limit)
      """
    ).decode(Int.self, Int64.self, Int64.self, Timestamp.self).map {
      Hit(conversation: $0.0 - 1, block: SearchBlock($0.1), hits: UInt64(bitPattern: $0.2), lastAt: $0.3)
    }
  }

  /// Adds words to the index, or to rows that are there.
  func add(_ words: [Word]) async throws {
    guard !words.isEmpty else { return }
    // All replicas take the rows' locks in the same order, so that nobody waits in a circle.
    let words = words.sorted { ($0.tag, $0.block.number) < ($1.tag, $1.block.number) }
    try await database.query(
      """
      insert into search_words as w (tag, block, hits, first_at, last_at)
      select * from unnest(\(words.map(\.tag)), \(words.map(\.block.number)),
        \(words.map { Int64(bitPattern: $0.hits) }), \(words.map(\.firstAt)), \(words.map(\.lastAt)))
      on conflict (tag, block) do update set hits = w.hits | excluded.hits,
        first_at = least(w.first_at, excluded.first_at), last_at = greatest(w.last_at, excluded.last_at)
      """)
  }

  /// Takes conversations that wait; nobody else does until the transaction ends.
  func takeBacklog(limit: Int) async throws -> [Backlog] {
    try await database.query(
      """
      select c.id, c.sealed_key, c.last_seq, coalesce(b.indexed_seq, c.indexed_seq)
      from search_backlog b join conversations c on c.id = b.conversation_id
      limit \(limit) for update of b skip locked
      """
    ).decode(ConversationID.self, [UInt8].self, Int64.self, Int64.self).map {
      Backlog(conversation: $0.0, sealedKey: $0.1, lastSeq: $0.2, indexedSeq: $0.3)
    }
  }

  /// Notes how far the index has come. A conversation that has no newer message does not wait any more; one that is being
  /// written to at this moment is looked at again.
  func save(_ backlog: [Backlog]) async throws {
    let (conversations, places) = (backlog.map(\.conversation), backlog.map(\.indexedSeq))
    try await database.query(
      """
      update search_backlog b set indexed_seq = i.seq from unnest(\(conversations), \(places)) as i (id, seq)
      where b.conversation_id = i.id
      """)
    try await database.query(
      """
      with rested as (
        select c.id, c.last_seq from unnest(\(conversations), \(places)) as i (id, seq)
        join conversations c on c.id = i.id and c.last_seq <= i.seq for update of c skip locked
      ), noted as (
        update conversations c set indexed_seq = r.last_seq from rested r where c.id = r.id
      )
      delete from search_backlog b using rested r where b.conversation_id = r.id
      """)
  }
}
