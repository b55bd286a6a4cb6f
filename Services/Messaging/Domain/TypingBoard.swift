import Contract
import MessagingAPI

/// Who is writing where, as far as this process was told. It tells when others have to hear of it: at the beginning, again
/// while it lasts, and at the end.
struct TypingBoard {
  /// Somebody in a conversation.
  struct Writer: Hashable {
    let conversation: ConversationID
    let member: MemberID
  }

  private struct State {
    var announcedAt: Timestamp
    var endsAt: Timestamp
  }

  /// It ends so long after it was told last.
  static let life = Duration.seconds(5)
  /// It is not announced more often.
  static let pause = Duration.seconds(3)
  /// More are not kept: then nothing is announced.
  static let limit = 10_000

  private var writers: [Writer: State] = [:]

  /// Somebody is writing; returns whether others are to hear of it.
  mutating func note(_ writer: Writer, now: Timestamp) -> Bool {
    if var state = writers[writer] {
      let isDue = now >= state.announcedAt + Self.pause
      if isDue { state.announcedAt = now }
      state.endsAt = now + Self.life
      writers[writer] = state
      return isDue
    }
    guard writers.count < Self.limit else { return false }
    writers[writer] = State(announcedAt: now, endsAt: now + Self.life)
    return true
  }

  /// Somebody is not writing any more; returns whether others are to hear of it.
  mutating func stop(_ writer: Writer) -> Bool { writers.removeValue(forKey: writer) != nil }

  /// Ends what was not told again; returns who is not writing any more.
  mutating func expire(now: Timestamp) -> [Writer] {
    let over = writers.filter { $0.value.endsAt <= now }.map(\.key)
    for writer in over { writers[writer] = nil }
    return over
  }
}
