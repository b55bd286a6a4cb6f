import Contract

/// Whether each of several members is there, in the order asked for; members who do not exist are left out.
public struct PresenceQuery: Endpoint {
  public static let name = "presence.query"
  public static let route: Route? = .post("/api/v1/users/presence/query", .member)
  public static let effect = Effect.read
  public static let success = 200

  /// What can be said about them.
  public struct Reply: Codable, Sendable {
    /// The members.
    public let items: [PresenceView]
    /// Always null.
    public let nextCursor: String?

    /// Lists members.
    public init(items: [PresenceView]) { (self.items, nextCursor) = (items, nil) }
  }

  /// The members.
  public let userIds: MemberList

  /// Asks about members.
  public init(userIds: MemberList) { self.userIds = userIds }
}

/// At most 200 members.
public struct MemberList: Codable, Sendable, Equatable {
  /// The most members.
  public static let maximumCount = 200

  /// The members, as they were given.
  public let members: [MemberID]

  /// Takes members; throws `InvalidValue` when they are too many.
  public init(_ members: [MemberID]) throws(InvalidValue) {
    guard members.count <= Self.maximumCount else {
      throw InvalidValue("too_many", "must have at most \(Self.maximumCount) members")
    }
    self.members = members
  }

  /// Reads the list; throws `InvalidValue` when it is too long.
  public init(from decoder: any Decoder) throws { try self.init([MemberID](from: decoder)) }

  /// Writes the list.
  public func encode(to encoder: any Encoder) throws { try members.encode(to: encoder) }

  private init() { members = [] }
}

extension MemberList: Described {
  /// A list of limited length.
  public static var schema: Schema { .array(MemberID.schema, limit: maximumCount) }
  /// Nobody.
  public static var sample: MemberList { MemberList() }
}
