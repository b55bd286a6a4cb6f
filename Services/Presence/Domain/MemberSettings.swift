import Contract
import PresenceAPI

/// What a member has chosen to be.
struct StatusChoice: Equatable, Sendable {
  let status: PresenceStatus
  /// When the choice ends by itself.
  var until: Timestamp?
  /// When it was made.
  let madeAt: Timestamp
  /// Whether notifications are held back too.
  var doNotDisturb = false

  /// Whether it still holds.
  func holds(at now: Timestamp) -> Bool { until.map { now < $0 } ?? true }
}

/// What presence knows of a member for good.
struct MemberSettings: Equatable, Sendable {
  let member: MemberID
  /// As identity and profiles have them; nil until their word has come.
  var firstName: String?
  var lastName: String?
  /// Where the picture is, if there is one.
  var avatar: String?
  /// What overrides the automatic status; nil where nothing does.
  var choice: StatusChoice?
  var customStatus: CustomStatus?
  var privacy = Privacy()
  /// Of a provider.
  var availability: Availability?
  /// How many sessions the member is in.
  var activeSessions = 0

  /// Somebody who has set nothing.
  init(_ member: MemberID) { self.member = member }

  /// For people.
  var fullName: String { [firstName, lastName].compactMap(\.self).joined(separator: " ") }

  /// The choice, while it holds.
  func choice(at now: Timestamp) -> StatusChoice? { choice.flatMap { $0.holds(at: now) ? $0 : nil } }

  /// What the member says, while it holds.
  func customStatus(at now: Timestamp) -> CustomStatus? {
    customStatus.flatMap { status in status.until.map { now < $0 } ?? true ? status : nil }
  }

  /// Changes what is asked for. `until` goes with what the same request sets; alone, with what is there.
  mutating func apply(_ request: ChooseStatus, now: Timestamp) {
    let custom = customStatus(at: now)
    let setsMessage = request.message.value != nil || request.emoji.value != nil
    let isAlone = request.status == nil && !setsMessage
    if let status = request.status {
      choice =
        status == .online
        ? nil
        : StatusChoice(
          status: status, until: request.until.value, madeAt: now, doNotDisturb: request.doNotDisturb ?? false)
    } else if isAlone, var choice = choice(at: now) {
      choice.until = request.until.applied(to: choice.until)
      self.choice = choice
    }
    let (message, emoji) = (request.message.applied(to: custom?.message), request.emoji.applied(to: custom?.emoji))
    let until =
      setsMessage ? request.until.value : isAlone ? request.until.applied(to: custom?.until) : custom?.until
    customStatus = message == nil && emoji == nil ? nil : CustomStatus(message: message, emoji: emoji, until: until)
  }

  /// Whether the member is to be announced to nobody.
  func isHidden(at now: Timestamp) -> Bool {
    privacy.showOnlineStatus == .nobody || choice(at: now)?.status == .offline
  }
}
