import EventLoop
import Wire

/// What the people who run a process ask it: `/healthz`, `/readyz` and `/metrics`.
///
/// - `/healthz`: 200 as long as the event loop turns and `ill` knows nothing; restart the process otherwise.
/// - `/readyz`: 200 when requests may be sent here; else 503 and why not.
/// - `/metrics`: Prometheus' text format.
@Loop public final class OperationsServer {
  private let server: HTTPServer

  /// The address that is listened on.
  public var address: SocketAddress { server.address }

  /// Serves on `address`.
  ///
  /// Throws `SocketError`, most often because the port is in use.
  ///
  /// - Parameters:
  ///   - ill: what is broken for good in this process; nil when nothing is.
  ///   - unready: what the process still waits for; nil when it is ready.
  ///   - metrics: the current figures, in Prometheus' text format.
  public init(
    on address: SocketAddress, ill: @escaping @Loop () -> String? = { nil }, unready: @escaping @Loop () -> String?,
    metrics: @escaping @Loop () -> [UInt8]
  ) throws(SocketError) {
    var limits = HTTPServer.Limits()
    limits.connections = 256
    limits.body = 0
    server = try HTTPServer(on: address, limits: limits) { request in
      request.answer(Self.answer(request.head, ill: ill, unready: unready, metrics: metrics))
    }
  }

  /// Stops answering.
  public func stop() { server.stop() }

  private static func answer(
    _ head: HTTPRequestHead, ill: @Loop () -> String?, unready: @Loop () -> String?, metrics: @Loop () -> [UInt8]
  ) -> HTTPResponse {
    guard head.method == .get || head.method == .head else {
      return .problem(status: 405, code: "method_not_allowed", detail: "Ask with GET.")
    }
    switch (try? RequestTarget(head))?.segments {
    case ["healthz"]: return condition(ill())
    case ["readyz"]: return condition(unready())
    case ["metrics"]: return HTTPResponse(type: "text/plain; version=0.0.4; charset=utf-8", bytes: metrics())
    default: return .problem(status: 404, code: "not_found", detail: "Here are /healthz, /readyz and /metrics.")
    }
  }

  private static func condition(_ fault: String?) -> HTTPResponse {
    HTTPResponse(
      status: fault == nil ? 200 : 503, type: "text/plain; charset=utf-8", bytes: Array("\(fault ?? "ok")\n".utf8))
  }
}
