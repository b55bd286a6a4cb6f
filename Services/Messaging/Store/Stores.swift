import EventLoop
import Postgres

/// The stores that a conversation is put together from.
@Loop struct Stores {
  let conversations: ConversationStore
  let messages: MessageStore
  let blocks: BlockStore
  let presences: PresenceStore

  init(_ database: any Querying) {
    (conversations, messages) = (ConversationStore(database), MessageStore(database))
    (blocks, presences) = (BlockStore(database), PresenceStore(database))
  }
}
