import Contract
import EventLoop
import MessagingAPI
import Postgres

/// Messages that are brought along, over all tables.
@Loop struct ImportStore {
  private let database: any Querying

  init(_ database: any Querying) { self.database = database }

  /// Adds messages behind those that a conversation has, which is locked; everybody has read them. Their words
  /// are the caller's to put into the search index.
  func add(_ messages: [MessageStore.Sealed], to conversation: ConversationID) async throws {
    guard let last = messages.last?.entry else { return }
    let entries = messages.map(\.entry)
    try await database.query(
      """
      with brought as (
        insert into messages (conversation_id, seq, id, sender_id, client_id, content, sent_at)
        select \(conversation), seq, id, sender_id, id::text, content, sent_at
        from unnest(\(entries.map(\.seq)), \(entries.map(\.id)), \(entries.map(\.sender)),
          \(messages.map { $0.content ?? [] }), \(entries.map(\.sentAt)))
          as new (seq, id, sender_id, content, sent_at)
      ), seen as (
        update participants set read_seq = \(last.seq), delivered_seq = \(last.seq)
        where conversation_id = \(conversation) and left_at is null
      )
      update conversations set last_seq = \(last.seq), last_activity_at = \(last.sentAt) where id = \(conversation)
      """)
  }
}
