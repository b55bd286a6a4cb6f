import Contract
import IdentityAPI

/// A member as identity knows them: who they are, and whether they are let in.
struct Account: Equatable {
  let id: MemberID
  let email: EmailAddress
  let firstName: PersonName
  let lastName: PersonName
  private(set) var role: Role
  private(set) var passwordHash: String
  private(set) var emailVerifiedAt: Timestamp?
  private(set) var status: MemberStatus

  /// A member as they were stored.
  init(
    id: MemberID, email: EmailAddress, firstName: PersonName, lastName: PersonName, role: Role, passwordHash: String,
    emailVerifiedAt: Timestamp?, status: MemberStatus
  ) {
    (self.id, self.email, self.firstName, self.lastName) = (id, email, firstName, lastName)
    (self.role, self.passwordHash) = (role, passwordHash)
    (self.emailVerifiedAt, self.status) = (emailVerifiedAt, status)
  }

  /// Somebody who registers.
  init(registering request: Register, id: MemberID, passwordHash: String) {
    self.init(
      id: id, email: request.email, firstName: request.firstName, lastName: request.lastName, role: .member,
      passwordHash: passwordHash, emailVerifiedAt: nil, status: .active)
  }

  /// Somebody whom the operator makes a member, knowing their address.
  init(appointing request: AppointStaff, id: MemberID, passwordHash: String, now: Timestamp) {
    self.init(
      id: id, email: request.email, firstName: request.firstName, lastName: request.lastName, role: request.role,
      passwordHash: passwordHash, emailVerifiedAt: now, status: .active)
  }

  /// What the member is shown of themselves.
  var user: SignedIn.User {
    SignedIn.User(
      id: id, email: email, firstName: firstName, lastName: lastName, role: role, emailVerified: emailVerifiedAt != nil)
  }

  /// Refuses who is shut out.
  func mayEnter(now: Timestamp) throws(ShutOut) {
    switch status.effective(now: now) {
    case .active: return
    case .suspended: throw .suspended
    case .banned: throw .banned
    }
  }

  /// Notes that the member reads the mail of the address. Returns nil when that was known.
  mutating func verifyEmail(now: Timestamp) -> EmailVerified? {
    guard emailVerifiedAt == nil else { return nil }
    emailVerifiedAt = now
    return EmailVerified(member: id, email: email)
  }

  /// Takes another password, of which `hash` is kept.
  mutating func changePassword(to hash: String) { passwordHash = hash }

  /// Gives the member a role.
  mutating func appoint(_ role: Role) { self.role = role }

  /// Shuts the member out until `until`. A ban is not shortened by it.
  mutating func suspend(until: Timestamp, reason: String) -> MemberSuspended? {
    if case .banned = status { return nil }
    status = .suspended(until: until, reason: reason)
    return MemberSuspended(member: id, until: until, reason: reason)
  }

  /// Shuts the member out for good.
  mutating func ban(reason: String) -> MemberBanned? {
    if case .banned = status { return nil }
    status = .banned(reason: reason)
    return MemberBanned(member: id, reason: reason)
  }

  /// Lets the member in again. Returns nil for one who was not shut out.
  mutating func restore() -> MemberRestored? {
    guard status != .active else { return nil }
    status = .active
    return MemberRestored(member: id)
  }

  /// Ends a suspension whose time is over. Returns nil when there is none, or when it was prolonged.
  mutating func endSuspension(now: Timestamp) -> MemberRestored? {
    guard status.effective(now: now) == .active else { return nil }
    return restore()
  }
}

/// Why a member is not let in.
enum ShutOut: Error, Equatable {
  case suspended, banned
}
