import Contract
import EventLoop
import IdentityAPI
import Postgres

/// Members, in `members`.
@Loop struct AccountStore {
  private let database: any Querying

  init(_ database: any Querying) { self.database = database }

  /// The member with this address, not locked.
  func find(_ email: EmailAddress) async throws -> Account? {
    try await database.query("\(Self.select) where email = \(email.text)").first.map(Self.account)
  }

  /// The member, not locked.
  func find(_ id: MemberID) async throws -> Account? {
    try await database.query("\(Self.select) where id = \(id)").first.map(Self.account)
  }

  /// The member, locked until the transaction ends.
  func load(_ id: MemberID) async throws -> Account? {
    try await database.query("\(Self.select) where id = \(id) for update").first.map(Self.account)
  }

  /// The member with this address, locked until the transaction ends.
  func load(_ email: EmailAddress) async throws -> Account? {
    try await database.query("\(Self.select) where email = \(email.text) for update").first.map(Self.account)
  }

  /// Adds a member; false when the address is taken.
  func add(_ account: Account, now: Timestamp) async throws -> Bool {
    try await database.query(
      """
      insert into members (id, email, first_name, last_name, role, password_hash, registered_at, email_verified_at)
      values (\(account.id), \(account.email.text), \(account.firstName.text), \(account.lastName.text),
        \(account.role.rawValue), \(account.passwordHash), \(now), \(account.emailVerifiedAt))
      on conflict (email) do nothing
      """
    ).affected == 1
  }

  /// Stores what may have changed of a member who was loaded.
  func save(_ account: Account) async throws {
    var suspension: (until: Timestamp?, isBanned: Bool, reason: String?) = (nil, false, nil)
    switch account.status {
    case .active: break
    case .suspended(let until, let reason): suspension = (until, false, reason)
    case .banned(let reason): suspension = (nil, true, reason)
    }
    try await database.query(
      """
      update members set role = \(account.role.rawValue), password_hash = \(account.passwordHash),
        email_verified_at = \(account.emailVerifiedAt), suspended_until = \(suspension.until),
        is_banned = \(suspension.isBanned), shut_out_reason = \(suspension.reason)
      where id = \(account.id)
      """)
  }

  private static let select: SQL = """
    select id, email, first_name, last_name, role, password_hash, email_verified_at, suspended_until, is_banned,
      shut_out_reason
    from members
    """

  private static func account(_ row: Row) throws -> Account {
    let (id, email, firstName, lastName, role, hash, verifiedAt, suspendedUntil, isBanned, reason) = try row.decode(
      MemberID.self, EmailAddress.self, PersonName.self, PersonName.self, Role.self, String.self, Timestamp?.self,
      Timestamp?.self, Bool.self, String?.self)
    let status: MemberStatus =
      if isBanned {
        .banned(reason: reason ?? "")
      } else if let suspendedUntil {
        .suspended(until: suspendedUntil, reason: reason ?? "")
      } else {
        .active
      }
    return Account(
      id: id, email: email, firstName: firstName, lastName: lastName, role: role, passwordHash: hash,
      emailVerifiedAt: verifiedAt, status: status)
  }
}

extension Role: PostgresDecodable {}

extension EmailAddress: PostgresDecodable {
  /// Reads a column that holds an address.
  public init(postgres cell: Cell) throws {
    guard let address = EmailAddress(try String(postgres: cell)) else { throw cell.mismatch(EmailAddress.self) }
    self = address
  }
}

extension PersonName: PostgresDecodable {
  /// Reads a column that holds a name.
  public init(postgres cell: Cell) throws {
    do { try self.init(String(postgres: cell)) } catch is InvalidValue { throw cell.mismatch(PersonName.self) }
  }
}
