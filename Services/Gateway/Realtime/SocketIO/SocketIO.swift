import Contract
import EventLoop
import HTTP
import Wire

/// The Socket.IO protocol, version 5, over Engine.IO 4 at `/socket.io/`: what socket.io-client and its kin speak.
///
/// A thin layer over `Realtime`. There is one namespace, `/`. A client connects with `auth: {token}` and, if it likes,
/// `deviceId`; then it emits
///
/// - `subscribe` `{channel, position?}`, acknowledged with `{ok, position, members?}` or `{ok: false, code, message}`;
/// - `unsubscribe` `{channel}`;
/// - `authenticate` `{token}`, before the token that it connected with expires;
/// - `activity` `{appState?}`, `foreground` or `background`;
/// - whatever else services take, as `typing` and `setStatus`, with `channel` where it belongs to one; and `client-…`, which
///   the channel's other subscribers are told.
///
/// It is told events by their own names with `{channel, position, …data}`; beside those `presence.joined` and
/// `presence.left`, and `skillmesh:missed`, `skillmesh:unsubscribed` and `skillmesh:closing`, which say so.
///
/// A client that connects with `recovery: true` in its `auth` is told each kept event's `offset` as the last argument, as
/// Socket.IO's connection state recovery has it; see `Recoveries`. Others are not, since many libraries would hand it to
/// listeners that do not expect it.
@Loop final class SocketIO {
  /// Messages of all kinds that a client may send in a second.
  static let messagesPerSecond = 200
  /// At the end, clients are sent away over this time, or half of what the process has.
  private static let farewellTime = Duration.seconds(5)

  let realtime: Realtime
  /// Who holds an access token.
  let signIn: @Loop (String) throws(Rejection) -> SignedIn
  let recoveries = Recoveries()
  private(set) var engine: EngineIOServer!

  init(
    _ realtime: Realtime, _ options: EngineIOServer.Options = EngineIOServer.Options(), crossOrigin: CrossOrigin,
    signIn: @escaping @Loop (String) throws(Rejection) -> SignedIn
  ) {
    (self.realtime, self.signIn) = (realtime, signIn)
    engine = EngineIOServer(options, crossOrigin: crossOrigin) { [unowned self] session, head in
      SocketIOClient(session, of: self, trace: realtime.traces.asked(by: head))
    }
  }

  /// Takes a request; false when it is for somebody else.
  func take(_ request: HTTPRequest) -> Bool {
    let path = request.head.rawTarget.prefix { $0 != "?" }
    guard path == "/socket.io/" || path == "/socket.io" else { return false }
    engine.handle(request)
    return true
  }

  /// Sends all clients away, to come back at once elsewhere.
  func drain(within limit: Duration) async { await engine.drain(over: min(Self.farewellTime, limit / 2)) }
}
