import Contract
import EventLoop
import HTTP
import Telemetry
import Wire

/// One request on its way through the gateway, and what has been found out about it so far.
@Loop final class Exchange {
  let request: HTTPRequest
  /// Under this the logs know the request, here and in the services.
  let id: UniqueID
  let began: ContinuousClock.Instant
  /// The client's address, as far as trusted proxies say.
  let client: IPAddress
  /// Whether the client's connection is encrypted.
  let isEncrypted: Bool
  /// The web site whose page asks and may read the answer.
  let origin: String?
  /// The step of a trace that answering it is.
  let trace: TraceContext

  /// What was asked for, once it is known.
  var route: RoutedEndpoint?
  /// What is left of the caller's allowance.
  var allowance: RateLimiter.Verdict?

  init(
    _ request: HTTPRequest, id: UniqueID, began: ContinuousClock.Instant, client: IPAddress, isEncrypted: Bool,
    origin: String?, trace: TraceContext
  ) {
    (self.request, self.id, self.began) = (request, id, began)
    (self.client, self.isEncrypted, self.origin, self.trace) = (client, isEncrypted, origin, trace)
  }

  var head: HTTPRequestHead { request.head }
  /// Whether nothing is to be changed.
  var isReading: Bool { head.method == .get || head.method == .head }

  /// The path as it was sent, without the query, which may hold what logs and problems must not.
  var path: String {
    let target = head.rawTarget
    return String(target.prefix { $0 != "?" })
  }

  /// The query as it was sent; empty when there is none.
  var query: [UInt8] {
    let target = head.rawTarget.utf8
    return target.firstIndex(of: UInt8(ascii: "?")).map { Array(target[target.index(after: $0)...]) } ?? []
  }
}
