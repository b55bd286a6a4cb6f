import Contract
import EventLoop
import Telemetry

/// A client's connection, as channels see it. Each dialect has its own.
@Loop protocol Subscriber: AnyObject {
  /// Writes what happened to the client. It may be called thousands of times in a turn.
  func deliver(_ delivery: Delivery)
  /// The channel's owner no longer lets the client in; the subscription is over.
  func expelled(from channel: Channel, _ refusal: RealtimeRefusal)
  /// The connection has to end; `Realtime.close` follows from it.
  func close(_ reason: Closing)
}

/// Why a connection is ended from this side.
enum Closing: Hashable {
  /// This gateway ends; others are there.
  case draining
  /// The access token has expired: connect again with a new one.
  case expired
  /// The member is suspended or banned, or the sign-in was ended.
  case revoked
  /// The client does not take what it is sent.
  case tooSlow
  /// Its member has too many connections already.
  case tooMany
}

/// Who is signed in over a connection, and until when.
struct SignedIn: Codable, Hashable, Sendable {
  let member: MemberID
  let role: Role
  let session: AuthSessionID
  /// When the access token expires.
  let expiry: Timestamp

  /// As services are told.
  var caller: Caller { .member(member, role: role, session: session) }
}

/// One connection of a client: who it is, and what it listens to.
@Loop final class Session {
  let id: SocketID
  /// Whom events go to.
  private(set) weak var subscriber: (any Subscriber)?
  /// The device that the client says it is; its sign-in when it says nothing.
  let device: String?
  /// Nobody until the client has signed in.
  var signedIn: SignedIn?
  var subscriptions: [Channel: Subscription] = [:]
  var isClosed = false
  /// When the client last did something itself, as presence was told.
  var lastActivity: ContinuousClock.Instant?
  /// Whether its app is on the screen, as the client said last; nil when it has said nothing.
  var isForeground: Bool?
  /// What is left of the events that it may send.
  var clientEvents: EventAllowance
  /// The trace that its client has asked for when it connected; what it sends afterwards belongs to it.
  let trace: TraceContext?

  init(
    _ id: SocketID, _ subscriber: any Subscriber, device: String?, clientEvents: Int, trace: TraceContext? = nil
  ) {
    (self.id, self.subscriber, self.device, self.trace) = (id, subscriber, device, trace)
    self.clientEvents = EventAllowance(perSecond: clientEvents)
  }

  var member: MemberID? { signedIn?.member }
}

/// How many events a client may send: so many a second, and as many at once after a while.
struct EventAllowance {
  private let perSecond: Int
  /// When all may be sent at once again (the generic cell rate algorithm).
  private var fullAt = ContinuousClock.now

  init(perSecond: Int) { self.perSecond = perSecond }

  /// Takes one; false when there is none left.
  mutating func take(at now: ContinuousClock.Instant) -> Bool {
    let next = max(fullAt, now) + Duration.seconds(1) / perSecond
    guard now.duration(to: next) <= .seconds(1) else { return false }
    fullAt = next
    return true
  }
}

/// One client's subscription to one channel.
@Loop final class Subscription {
  let session: Session
  let channel: Channel
  /// What the owner of the channel has granted; nil while it is asked.
  var grant: ChannelGrant?
  /// The last kept event that the client was told of, or need not be.
  var seen: Position?
  /// What came while the owner was asked and the history read.
  var waiting: [Delivery]? = []
  /// Whether more came meanwhile than may wait.
  var hasOverflowed = false
  var isOver = false
  /// Whether the member has taken a seat in the channel's list because of it.
  var isSeated = false
  /// Its place among the channel's.
  var index = 0

  init(_ session: Session, to channel: Channel) { (self.session, self.channel) = (session, channel) }
}

/// Why a client cannot have what it asks for.
struct RealtimeRefusal: Error, Hashable, Codable {
  /// As in HTTP.
  let status: Int
  /// The stable word.
  let code: String
  /// For people.
  let detail: String

  init(_ status: Int, _ code: String, _ detail: String) {
    (self.status, self.code, self.detail) = (status, code, detail)
  }
}
