import Contract

/// Measures how long a client of a provider waits for an answer: the first message that awaits one starts it, the
/// provider's next message stops it.
struct ResponseClock: Equatable {
  /// Who writes.
  enum Side: Equatable { case client, provider }

  /// A client's message that awaits an answer.
  struct Question: Equatable {
    let seq: Int64
    let at: Timestamp
  }

  /// A question and its answer.
  struct Sample: Equatable {
    let seq: Int64
    let askedAt: Timestamp
    let answeredAt: Timestamp
  }

  /// The message that started it; nil while it stands.
  private(set) var question: Question?

  init(_ question: Question? = nil) { self.question = question }

  /// Somebody has written. Returns the question that is answered by it.
  mutating func wrote(_ side: Side, seq: Int64, at time: Timestamp) -> Sample? {
    switch side {
    case .client:
      question = question ?? Question(seq: seq, at: time)
      return nil
    case .provider:
      guard let asked = question else { return nil }
      question = nil
      return Sample(seq: asked.seq, askedAt: asked.at, answeredAt: time)
    }
  }

  /// The question at `seq` was taken back, and `next` is the client's first message after it that was not. A question that
  /// was answered stays one.
  mutating func deleted(_ seq: Int64, next: Question?) { if question?.seq == seq { question = next } }

  /// One of the two has blocked the other or left: nobody waits for an answer any more.
  mutating func stop() { question = nil }

  /// What happens in a conversation, for working its questions out anew.
  enum Entry: Equatable {
    case message(Side, seq: Int64, at: Timestamp, deletedAt: Timestamp?)
    case stopped
  }

  /// The questions that `history` answers, in its order, and the clock as it stands at the end.
  static func replay(_ history: some Sequence<Entry>) -> (samples: [Sample], clock: ResponseClock) {
    var samples: [Sample] = []
    var waiting: [(question: Question, deletedAt: Timestamp?)] = []
    for entry in history {
      switch entry {
      case .stopped: waiting = []
      case .message(.client, let seq, let at, let deletedAt): waiting.append((Question(seq: seq, at: at), deletedAt))
      case .message(.provider, _, let at, _):
        // What was deleted after the answer did await it.
        if let asked = waiting.first(where: { $0.deletedAt.map { $0 >= at } ?? true })?.question {
          samples.append(Sample(seq: asked.seq, askedAt: asked.at, answeredAt: at))
        }
        waiting = []
      }
    }
    return (samples, ResponseClock(waiting.first { $0.deletedAt == nil }?.question))
  }
}
