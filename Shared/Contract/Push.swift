/// Something that clients are told as it happens, on a channel they are subscribed to.
///
/// Pushes may reach a client twice, out of order or, after a long absence, not at all: order that matters is said by the
/// payload (a sequence number, a version).
public protocol Push: Codable, Sendable {
  /// The event's name as clients see it: "message.sent".
  static var name: String { get }
  /// Whether clients that come back soon are told what they missed. Not for what is of interest at the moment only.
  static var isKept: Bool { get }
}

extension Push {
  /// Kept.
  public static var isKept: Bool { true }
}

/// What an endpoint has to do with the sockets of clients, beside or instead of a route.
public enum SocketUse: Hashable, Sendable, Codable {
  /// It decides who may subscribe to the channels of a family: asked as the member, with the pattern's value as its one
  /// field, it answers a `ChannelGrant` or refuses.
  case admits(to: ChannelPattern)
  /// Clients may send its body as an event of this name; where it happens on a channel, the value in the channel's name is
  /// one of its fields.
  case takes(event: String, on: ChannelPattern? = nil)
}

/// What a subscriber to a channel is given.
public struct ChannelGrant: Codable, Sendable, Hashable {
  /// A member as the others in a presence channel see them.
  public struct Listing: Codable, Sendable, Hashable {
    /// For people.
    public let name: String
    /// Where the picture is.
    public let avatar: String?

    /// Describes a member.
    public init(name: String, avatar: String?) { (self.name, self.avatar) = (name, avatar) }
  }

  /// An event for one subscriber.
  public struct Greeting: Codable, Sendable, Hashable {
    /// Its name.
    public let name: String
    /// Its payload, as the text of a JSON value.
    public let data: String

    /// Takes an event that is encoded already.
    public init(name: String, data: String) { (self.name, self.data) = (name, data) }
  }

  /// How the others see the subscriber in a presence channel's list; nil: not at all.
  public var listing: Listing?
  /// Pushes that are addressed to a view reach those who were granted it; pushes that are not reach everybody.
  public var view: String?
  /// What the subscriber is told first, alone: how things stand.
  public var greetings: [Greeting]

  /// Grants a subscription.
  public init(listing: Listing? = nil, view: String? = nil, greetings: [Greeting] = []) {
    (self.listing, self.view, self.greetings) = (listing, view, greetings)
  }
}
