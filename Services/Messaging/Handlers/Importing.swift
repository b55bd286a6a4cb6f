import Contract
import EventLoop
import Mesh
import MessagingAPI

/// How messages come along that were written elsewhere.
extension MessagingService {
  func importMessages(
    _ request: ImportMessages, _ context: Context, _ tx: Tx
  ) async throws -> ImportMessages.Reply {
    try Self.require(["operator"], context)
    let id = request.conversation
    let store = ConversationStore(tx)
    guard let (roster, lastSeq) = try await store.load(id), let record = try await store.find(id) else {
      throw ConversationRefusal.notFound
    }
    try refuse(Self.importProblems(request, roster))
    let key = try keys.key(of: id, record.sealedKey)
    var latest = lastSeq == 0 ? Timestamp(microseconds: 0) : record.lastActivityAt
    let written = request.messages.enumerated().map { index, message in
      latest = max(latest, message.sentAt)
      let entry = Entry(
        id: MessageID(at: latest), conversation: id, seq: lastSeq + Int64(index) + 1, sender: message.senderId,
        clientID: nil, sentAt: latest)
      return (entry: entry, body: message.body.text)
    }
    let sealed = written.map { entry, body in
      MessageStore.Sealed(entry: entry, content: key.seal(body, of: entry.id))
    }
    try await ImportStore(tx).add(sealed, to: id)
    try await SearchStore(tx).add(words(in: written, key))
    return ImportMessages.Reply(lastSeq: lastSeq + Int64(written.count))
  }

  private static func importProblems(_ request: ImportMessages, _ roster: Roster) -> [Problem.Field] {
    guard (1...ImportMessages.limit).contains(request.messages.count) else {
      let detail = "must be 1 to \(ImportMessages.limit) messages"
      return [Problem.Field(pointer: "/messages", code: "count", detail: detail)]
    }
    return request.messages.enumerated().filter { roster[$0.element.senderId] == nil }.map { index, _ in
      Problem.Field(
        pointer: "/messages/\(index)/senderId", code: "unknown", detail: "must take part in this conversation")
    }
  }
}
