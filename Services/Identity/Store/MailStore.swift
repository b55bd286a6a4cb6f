import Contract
import EventLoop
import IdentityAPI
import Postgres

/// Mail that is to be sent, in `mails`.
@Loop struct MailStore {
  /// A mail that was taken to be sent.
  struct Due: Equatable {
    let member: MemberID
    let purpose: OneTimeToken.Purpose
    let attempts: Int
    let email: EmailAddress
    let firstName: PersonName
  }

  private let database: any Querying

  init(_ database: any Querying) { self.database = database }

  /// Has a mail sent to a member. One that is waiting already is not sent twice.
  func add(_ purpose: OneTimeToken.Purpose, to member: MemberID, now: Timestamp) async throws {
    try await database.query(
      """
      insert into mails (member_id, purpose, due_at) values (\(member), \(purpose.rawValue), \(now))
      on conflict (member_id, purpose) do update set due_at = \(now), attempts = 0, reason = null
        where mails.reason is not null
      """)
  }

  /// Has a mail sent to whoever has the address, if anybody: the same statement for known and unknown ones.
  func add(_ purpose: OneTimeToken.Purpose, to email: EmailAddress, now: Timestamp) async throws {
    try await database.query(
      """
      insert into mails (member_id, purpose, due_at)
      select id, \(purpose.rawValue), \(now) from members where email = \(email.text)
      on conflict (member_id, purpose) do update set due_at = \(now), attempts = 0, reason = null
        where mails.reason is not null
      """)
  }

  /// Takes mail that is due; others leave it alone until `lease` is over.
  func take(atMost limit: Int, lease: Duration, now: Timestamp) async throws -> [Due] {
    try await database.query(
      """
      with due as materialized (
        select member_id, purpose from mails where due_at <= \(now) and reason is null
        order by due_at limit \(limit) for update skip locked
      )
      update mails set due_at = \(now + lease), attempts = attempts + 1 from due, members
      where mails.member_id = due.member_id and mails.purpose = due.purpose and members.id = mails.member_id
      returning mails.member_id, mails.purpose, mails.attempts, members.email, members.first_name
      """
    ).map { row in
      let (member, purpose, attempts, email, firstName) = try row.decode(
        MemberID.self, OneTimeToken.Purpose.self, Int.self, EmailAddress.self, PersonName.self)
      return Due(member: member, purpose: purpose, attempts: attempts, email: email, firstName: firstName)
    }
  }

  /// It was sent.
  func remove(_ mail: Due) async throws {
    try await database.query(
      "delete from mails where member_id = \(mail.member) and purpose = \(mail.purpose.rawValue)")
  }

  /// It could not be sent now.
  func putOff(_ mail: Due, until time: Timestamp) async throws {
    try await database.query(
      "update mails set due_at = \(time) where member_id = \(mail.member) and purpose = \(mail.purpose.rawValue)")
  }

  /// It cannot be sent.
  func giveUp(_ mail: Due, because reason: String) async throws {
    try await database.query(
      "update mails set reason = \(reason) where member_id = \(mail.member) and purpose = \(mail.purpose.rawValue)")
  }
}

extension OneTimeToken.Purpose: PostgresDecodable {}
