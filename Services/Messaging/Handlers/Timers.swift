import Contract
import EventLoop
import Mesh
import MessagingAPI

/// A provider's questions and answers are to be worked out anew from the messages.
struct HistoryDue: DurableTimer {
  static let name = "history-due"
  let provider: MemberID
}

/// Time passes: questions go unanswered, or are too old to count, for some of the providers.
struct MetricsAging: DurableTimer {
  static let name = "metrics-aging"
  let after: MemberID?
}

/// Everybody has left a conversation long ago.
struct ConversationOver: DurableTimer {
  static let name = "conversation-over"
  /// So long what was said is kept for whoever has to look into it.
  static let delay = Duration.seconds(30 * 86_400)
  let conversation: ConversationID
}

/// It is time to forget what is too old to matter, and to seal what an earlier version did not.
struct TidyingDue: DurableTimer {
  static let name = "tidying-due"
}

/// What messaging does by itself, at its time.
extension MessagingService {
  private static let agingBatch = 50

  func metricsAging(_ timer: MetricsAging, _ tx: Tx) async throws {
    let providers = try await MemberStore(tx).providers(after: timer.after, limit: Self.agingBatch)
    for provider in providers { try await recompute(provider, tx) }
    let hasMore = providers.count == Self.agingBatch
    try tx.schedule(
      MetricsAging(after: hasMore ? providers.last : nil), at: tx.now + (hasMore ? .seconds(1) : .seconds(3600)),
      key: "")
  }

  func conversationOver(_ timer: ConversationOver, _ tx: Tx) async throws {
    try await ErasureStore(tx).remove(timer.conversation)
  }

  func tidyingDue(_ timer: TidyingDue, _ tx: Tx) async throws {
    // A thousand rows at a time, so that no transaction is long.
    var done = [try await ResponseStore(tx).removeOld(now: tx.now), try await sealLabels(limit: 1000, tx)]
    if options.retentionDays > 0 {
      let limit = tx.now - .seconds(options.retentionDays * 86_400)
      done.append(try await ErasureStore(tx).removeMessages(before: limit))
    }
    let hasMore = done.contains(1000)
    try tx.schedule(timer, at: tx.now + (hasMore ? .seconds(1) : .seconds(3600)), key: "")
  }
}
