import Contract
import EventLoop
import Mesh
import MessagingAPI

/// How messages are found, though nobody can read them on disk.
extension MessagingService {
  /// Conversations of one member that are searched at once; the most recent ones.
  private static let searchedConversations = 1000
  /// How often the index is asked for one page; then the page ends where it is.
  private static let searchRounds = 50
  private static let longestQuery = 200

  func searchMessages(
    _ request: SearchMessages, _ context: Context, _ store: ConversationStore, _ messages: MessageStore,
    _ index: SearchStore
  ) async throws -> SearchMessages.Reply {
    let member = try context.member
    let stems = try Self.stems(request)
    let scope = try await store.searchable(
      by: member, only: request.conversationId, limit: Self.searchedConversations)
    if request.conversationId != nil, scope.isEmpty { throw ConversationRefusal.notFound }
    let limit = (request.limit ?? .usual).number
    guard !scope.isEmpty else { return SearchMessages.Reply(items: [], nextCursor: nil) }
    let keys = try scope.map { try self.keys.key(of: $0.conversation, $0.sealedKey) }
    let tags = stems.map { stem in keys.map { $0.tag(of: stem) } }
    let cursor = try request.cursor.map { text throws(Problem) in try PageCursor(text) }

    var found: [(message: MessageStore.Sealed, hit: SearchMessages.Hit)] = []
    var seen: Set<MessageID> = []
    var until = cursor?.time ?? request.to ?? context.now + .seconds(86_400)
    var horizon: Timestamp?
    for _ in 0..<Self.searchRounds {
      // Each conversation may have a block that reaches beyond the page before; those must not crowd out the others.
      let blockLimit = limit + 1 + scope.count
      let hits = try await index.find(tags, from: request.from, until: until, limit: blockLimit)
      let taken = SearchPage.take(hits.map { ($0.hits.nonzeroBitCount, min($0.lastAt, until)) }, atLeast: 2 * limit)
      // Beyond it there may be messages of blocks that were not looked at.
      let next = taken < hits.count ? hits[taken] : hits.count == blockLimit ? hits.last : nil
      horizon = next.map { min($0.lastAt, until) }
      let places = hits.prefix(taken).flatMap { hit in
        hit.block.places(hit.hits).filter { $0 > scope[hit.conversation].joinedSeq }
          .map { (conversation: scope[hit.conversation].conversation, seq: $0) }
      }
      let positions = Dictionary(scope.enumerated().map { ($0.element.conversation, $0.offset) }) { first, _ in first }
      let candidates = try await messages.at(places).sorted { $0.entry.isNewer(than: $1.entry) }
      for message in candidates where found.count <= limit {
        guard message.entry.sentAt >= horizon ?? message.entry.sentAt, Self.isWanted(message.entry, request, cursor),
          seen.insert(message.entry.id).inserted, let position = positions[message.entry.conversation],
          let body = try open(message, keys[position]).body, let excerpt = Excerpt(of: body, finding: stems)
        else { continue }
        let hit = SearchMessages.Hit(
          message: message.entry.message(body: body), excerpt: excerpt.text, highlights: excerpt.highlights)
        found.append((message, hit))
      }
      guard found.count <= limit, let next = horizon else { break }
      until = next
    }
    let page = found.prefix(limit)
    let reactions = try await messages.reactions(to: page.map(\.message))
    var next: PageCursor?
    if found.count > limit, let last = page.last?.message.entry {
      next = PageCursor(time: last.sentAt, id: last.id.value)
    } else if let horizon {
      next = PageCursor(time: horizon, id: UniqueID(high: .max, low: .max))
    }
    return SearchMessages.Reply(
      items: page.map { message, hit in
        let full = message.entry.message(body: hit.message.body, reactions: reactions[message.entry.id] ?? [])
        return SearchMessages.Hit(message: full, excerpt: hit.excerpt, highlights: hit.highlights)
      }, nextCursor: next?.text)
  }

  /// The words that are looked for, the longest first: long words are rare, and narrow the search down.
  private static func stems(_ request: SearchMessages) throws(Problem) -> [String] {
    let stems = request.q.count <= longestQuery ? SearchText.queryStems(of: request.q) : []
    guard stems.isEmpty else { return stems.sorted { $0.utf8.count > $1.utf8.count } }
    let detail = "must be 1 to \(longestQuery) characters with a word among them"
    throw Problem(
      422, "invalid_fields", "Some fields are not as they must be; see errors.",
      errors: [Problem.Field(pointer: "?q", code: "words", detail: detail)])
  }

  private static func isWanted(_ entry: Entry, _ request: SearchMessages, _ cursor: PageCursor?) -> Bool {
    let isBeforeCursor = cursor.map { (entry.sentAt, entry.id.value) < ($0.time, $0.id) } ?? true
    return isBeforeCursor && entry.deletedAt == nil && request.senderId.map { $0 == entry.sender } ?? true
      && request.from.map { entry.sentAt >= $0 } ?? true && request.to.map { entry.sentAt < $0 } ?? true
  }

  // MARK: The index

  /// Conversations of which messages are put into the index in one transaction.
  private static let indexedConversations = 16
  /// Messages of each, so that a transaction holds 16 MB of them at the very most.
  private static let indexBatch = 16
  /// Transactions of one round, so that others get a turn.
  private static let indexRounds = 200

  /// Puts messages into the index that came since it was looked after last.
  func indexMessages() async throws {
    for _ in 0..<Self.indexRounds {
      guard try await mesh.transaction({ tx in try await indexSome(tx) }) else { return }
    }
  }

  /// Puts messages of some conversations into the index; false when it has caught up with those that wait.
  private func indexSome(_ tx: Tx) async throws -> Bool {
    let index = SearchStore(tx)
    var backlog = try await index.takeBacklog(limit: Self.indexedConversations)
    guard !backlog.isEmpty else { return false }
    let messages = try await MessageStore(tx).after(
      backlog.map { ($0.conversation, $0.indexedSeq) }, limit: Self.indexBatch)
    let byConversation = Dictionary(grouping: messages, by: \.entry.conversation)
    var found: [SearchStore.Word] = []
    var isBehind = backlog.count == Self.indexedConversations
    for (position, waiting) in backlog.enumerated() {
      let messages = byConversation[waiting.conversation] ?? []
      let key = try keys.key(of: waiting.conversation, waiting.sealedKey)
      let texts = try messages.compactMap { message in try open(message, key).body.map { (message.entry, $0) } }
      found += words(in: texts, key)
      let last = messages.last?.entry.seq ?? waiting.indexedSeq
      let isWhole = messages.count < Self.indexBatch
      backlog[position].indexedSeq = isWhole ? max(last, waiting.lastSeq) : last
      isBehind = isBehind || !isWhole
      // Others get a turn between conversations: opening and taking apart what they say is work for the processor.
      await Task.yield()
    }
    try await index.add(found)
    try await index.save(backlog)
    return isBehind
  }

  /// The words of some messages of one conversation, as the index has them.
  func words(in messages: [(entry: Entry, body: String)], _ key: ConversationKey) -> [SearchStore.Word] {
    struct Row: Hashable {
      let stem: String
      let block: SearchBlock
    }
    var words: [Row: SearchStore.Word] = [:]
    var tags: [String: Int64] = [:]
    for (entry, body) in messages {
      let block = SearchBlock(of: entry.seq)
      for stem in SearchText.indexedStems(of: body) {
        let tag = tags[stem] ?? key.tag(of: stem)
        tags[stem] = tag
        let new = SearchStore.Word(tag: tag, block: block, hits: 0, firstAt: entry.sentAt, lastAt: entry.sentAt)
        var word = words[Row(stem: stem, block: block)] ?? new
        word.hits |= SearchBlock.bit(of: entry.seq)
        word.firstAt = min(word.firstAt, entry.sentAt)
        word.lastAt = max(word.lastAt, entry.sentAt)
        words[Row(stem: stem, block: block)] = word
      }
    }
    return Array(words.values)
  }
}
