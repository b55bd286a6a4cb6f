import EventLoop
import HTTP
import Mesh
import Wire

/// The Pusher Channels protocol, versions 5 to 7, at `/app/{key}`: what pusher-js and its kin speak.
///
/// A thin layer over `Realtime`. Beyond the protocol, a subscription may carry the `position` from which it goes on, each
/// event says its own, and `skillmesh:missed` says where the history no longer reaches.
@Loop final class Pusher {
  /// Seconds of silence after which clients send a ping. Sockets are pinged from this side too, see `WebSockets`.
  static let activityTimeout = 120
  /// Messages of all kinds that a client may send in a second.
  static let messagesPerSecond = 200
  /// At the end, clients are sent away one after the other: so long each, but so long for all, or half of what there is.
  private static let farewellTime = (each: Duration.milliseconds(20), all: Duration.seconds(5))

  let realtime: Realtime
  let signatures: PusherSignatures
  let sockets: WebSockets

  init(_ realtime: Realtime, _ signatures: PusherSignatures, _ limits: WebSockets.Limits = WebSockets.Limits()) {
    (self.realtime, self.signatures) = (realtime, signatures)
    var limits = limits
    limits.message = 32 * 1024
    limits.slowClient = WebSocketClose(
      WebSocketCloseCode(rawValue: PusherError.overCapacity.rawValue), reason: "messages are not taken fast enough")
    limits.silentClient = WebSocketClose(
      WebSocketCloseCode(rawValue: PusherError.silent.rawValue), reason: PusherError.silent.meaning)
    sockets = WebSockets(limits: limits)
  }

  /// Takes a request for a socket; false when it is for somebody else.
  func take(_ request: HTTPRequest) -> Bool {
    guard request.head.method == .get, request.head.rawTarget.hasPrefix("/app/"),
      let target = try? RequestTarget(request.head), target.segments.count == 2
    else { return false }
    let device = target.first("deviceId").map { String($0.prefix(64)) }
    sockets.accept(request) { socket in
      PusherConnection(
        socket, of: self, refusing: Self.fault(key: target.segments[1], version: target.first("protocol")),
        device: device, trace: realtime.traces.asked(by: request.head))
    }
    return true
  }

  private static func fault(key: String, version: String?) -> PusherError? {
    guard key == PusherSignatures.key else { return .unknownApplication }
    guard let version else { return .noVersion }
    guard let number = Int(version) else { return .malformedVersion }
    return (5...7).contains(number) ? nil : .unsupportedVersion
  }

  /// Sends all clients away, to come back at once elsewhere.
  func drain(within limit: Duration) async {
    guard sockets.count > 0 else { return sockets.stop() }
    let time = min(Self.farewellTime.each * sockets.count, Self.farewellTime.all, limit / 2)
    await sockets.drain(over: time) { socket in
      (socket.delegate as? PusherConnection)?.close(.draining)
    }
  }
}
