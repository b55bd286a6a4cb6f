import Contract
import Crypto
import EventLoop
import Mesh
import MessagingAPI
import Postgres

/// Conversations' keys as they are stored, in `conversations`.
@Loop struct KeyStore {
  private let tx: Tx

  init(_ tx: Tx) { self.tx = tx }

  /// Keys that are sealed by another master key, locked until the transaction ends.
  func load(
    otherThan master: KeyRing.KeyID, limit: Int
  ) async throws -> [(conversation: ConversationID, sealed: [UInt8])] {
    try await tx.query(
      """
      select id, sealed_key from conversations where key_id <> \(Int64(master)) order by id limit \(limit)
      for update skip locked
      """
    ).decode(ConversationID.self, [UInt8].self).map { ($0.0, $0.1) }
  }

  /// Stores a key that was sealed anew, along with the commit.
  func save(_ key: ConversationKeys.Sealed, of conversation: ConversationID) {
    tx.send(
      """
      update conversations set sealed_key = \(key.bytes), key_id = \(Int64(key.masterID)) where id = \(conversation)
      """)
  }

  /// How many are sealed by another master key.
  func count(otherThan master: KeyRing.KeyID) async throws -> Int {
    try await tx.query("select count(*) from conversations where key_id <> \(Int64(master))")[0].decode(column: 0)
  }
}
