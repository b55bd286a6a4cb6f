import Contract

/// Finds a member by address, for the operator and for moderation.
public struct FindMember: Endpoint {
  public static let name = "identity.find-member"
  public static let route: Route? = nil
  public static let effect = Effect.read

  /// The member.
  public struct Reply: Codable, Sendable, Equatable {
    /// The member.
    public let member: MemberID
    /// What the member may do.
    public let role: Role
    /// Whether the address was proven.
    public let emailVerified: Bool
    /// Until when the member is suspended, if so.
    public let suspendedUntil: Timestamp?
    /// Whether the member is banned.
    public let isBanned: Bool

    /// Describes a member.
    public init(member: MemberID, role: Role, emailVerified: Bool, suspendedUntil: Timestamp?, isBanned: Bool) {
      (self.member, self.role, self.emailVerified) = (member, role, emailVerified)
      (self.suspendedUntil, self.isBanned) = (suspendedUntil, isBanned)
    }
  }

  public typealias Refusal = StaffRefusal

  /// The address.
  public let email: EmailAddress

  /// Asks for a member.
  public init(email: EmailAddress) { self.email = email }
}

/// Why staff cannot do what they ask for.
public enum StaffRefusal: String, Refusal, CaseIterable {
  /// The service that asks is not one that may.
  case notAllowed = "not_allowed"
  /// There is no such member.
  case notFound = "member_not_found"

  public var status: Int { self == .notAllowed ? 403 : 404 }

  public var detail: String {
    switch self {
    case .notAllowed: "Only the operator and moderation may ask for this."
    case .notFound: "There is no such member."
    }
  }
}
