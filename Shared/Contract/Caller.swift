/// What a member may do, beyond what everybody may. Each includes those before it.
public enum Role: String, Sendable, Codable, CaseIterable, Comparable {
  case member, moderator, admin

  private var rank: Int {
    switch self {
    case .member: 0
    case .moderator: 1
    case .admin: 2
    }
  }

  /// By how much they may do.
  public static func < (left: Role, right: Role) -> Bool { left.rank < right.rank }
}

/// Who asks.
public enum Caller: Hashable, Sendable {
  /// Somebody who is not signed in.
  case anyone
  /// A member who is signed in.
  case member(MemberID, role: Role, session: AuthSessionID)
  /// Another service, on its own account or because of something that a member did. It never has a role.
  case service(String, member: MemberID?)

  /// The member who asks, or for whom a service asks.
  public var member: MemberID? {
    switch self {
    case .anyone: nil
    case .member(let member, _, _): member
    case .service(_, let member): member
    }
  }
}

extension Route.Audience {
  /// Whether `caller` is one of those who may call. Other services may: they check for themselves whom they serve.
  public func includes(_ caller: Caller) -> Bool {
    switch (self, caller) {
    case (.anyone, _), (_, .service): true
    case (_, .anyone): false
    case (.member, .member): true
    case (.moderator, .member(_, let role, _)): role >= .moderator
    case (.admin, .member(_, let role, _)): role >= .admin
    }
  }
}
