import Contract

/// Gives a member a role, or makes a member who has it, with an address that needs no proof. Only the operator may.
///
/// The password of a member who is there already stays as it is.
public struct AppointStaff: Endpoint {
  public static let name = "identity.appoint-staff"
  public static let route: Route? = nil

  /// What was done.
  public struct Reply: Codable, Sendable, Equatable {
    /// The member.
    public let member: MemberID
    /// Whether the member is new.
    public let isNew: Bool

    /// Describes what was done.
    public init(member: MemberID, isNew: Bool) { (self.member, self.isNew) = (member, isNew) }
  }

  public typealias Refusal = StaffRefusal

  /// The address.
  public let email: EmailAddress
  /// The password of a member who is made.
  public let password: NewPassword
  /// The first name of a member who is made.
  public let firstName: PersonName
  /// The last name of a member who is made.
  public let lastName: PersonName
  /// The role.
  public let role: Role

  /// Asks for an appointment.
  public init(
    email: EmailAddress, password: NewPassword, firstName: PersonName, lastName: PersonName, role: Role = .admin
  ) {
    (self.email, self.password, self.firstName, self.lastName) = (email, password, firstName, lastName)
    self.role = role
  }
}
