import Contract
import MessagingAPI

/// Says in a 422 problem which fields are wrong; does nothing when there are none.
func refuse(_ fields: [Problem.Field]) throws(Problem) {
  guard !fields.isEmpty else { return }
  // A list as long as the request may be is of no use to anybody.
  throw Problem(
    422, "invalid_fields", "Some fields are not as they must be; see errors.", errors: Array(fields.prefix(32)))
}

/// What is wrong with the members that a message mentions.
func mentionProblems(_ mentions: [MemberID], among participants: Set<MemberID>) -> [Problem.Field] {
  guard mentions.count <= SendMessage.mentionLimit, Set(mentions).count == mentions.count else {
    let detail = "must be at most \(SendMessage.mentionLimit) different members"
    return [Problem.Field(pointer: "/mentions", code: "too_many", detail: detail)]
  }
  return mentions.enumerated().filter { !participants.contains($0.element) }.map { index, _ in
    Problem.Field(pointer: "/mentions/\(index)", code: "unknown", detail: "must take part in this conversation")
  }
}
