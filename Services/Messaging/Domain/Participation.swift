import Contract
import MessagingAPI

/// One member's part in a conversation.
struct Participation: Equatable {
  let member: MemberID
  var role: Conversation.Role
  let joinedAt: Timestamp
  /// What was written up to here was before their time.
  let joinedSeq: Int64
  private(set) var deliveredSeq: Int64
  private(set) var readSeq: Int64
  var isArchived = false
  var isMuted = false
  var isPinned = false

  /// A part as it was stored.
  init(
    member: MemberID, role: Conversation.Role, joinedAt: Timestamp, joinedSeq: Int64, deliveredSeq: Int64,
    readSeq: Int64, isArchived: Bool, isMuted: Bool, isPinned: Bool
  ) {
    (self.member, self.role, self.joinedAt, self.joinedSeq) = (member, role, joinedAt, joinedSeq)
    (self.deliveredSeq, self.readSeq) = (deliveredSeq, readSeq)
    (self.isArchived, self.isMuted, self.isPinned) = (isArchived, isMuted, isPinned)
  }

  /// Somebody who joins after the message at `seq`.
  init(joining member: MemberID, as role: Conversation.Role, after seq: Int64, now: Timestamp) {
    self.init(
      member: member, role: role, joinedAt: now, joinedSeq: seq, deliveredSeq: seq, readSeq: seq, isArchived: false,
      isMuted: false, isPinned: false)
  }

  /// How many messages the member has not read, of a conversation whose newest is at `lastSeq`.
  ///
  /// It is always worked out, never counted. Whoever writes has read what was written until then, so that one's own
  /// messages are never among them.
  func unread(of lastSeq: Int64) -> Int64 { max(0, lastSeq - readSeq) }

  /// Moves the watermarks on, never back and never beyond the newest message; reading includes getting. Returns whether
  /// they have moved.
  mutating func note(delivered: Int64?, read: Int64?, of lastSeq: Int64) -> Bool {
    let before = (deliveredSeq, readSeq)
    readSeq = max(readSeq, min(read ?? 0, lastSeq))
    deliveredSeq = max(deliveredSeq, readSeq, min(delivered ?? 0, lastSeq))
    return before != (deliveredSeq, readSeq)
  }
}
