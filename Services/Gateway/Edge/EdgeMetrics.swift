import EventLoop
import Telemetry

/// What the edge counts beside each endpoint's requests.
@Loop final class EdgeMetrics {
  let all: Metrics
  private let answers: [Int: Counter]
  private let otherAnswers: Counter
  let inFlight: Gauge
  let shed: Counter
  let rateLimited: Counter
  let timedOut: Counter
  private let tokenHits: Counter
  private let tokenMisses: Counter
  private let connections: Gauge
  private let refusedConnections: Counter

  init(_ all: Metrics) {
    self.all = all
    func answers(_ status: String) -> Counter {
      all.counter("gateway_answers_total", "Answers given, by status.", ["status": status])
    }
    let usual = [
      200, 201, 204, 302, 304, 308, 400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 429, 431, 500, 503, 504,
    ]
    self.answers = Dictionary(usual.map { ($0, answers("\($0)")) }) { first, _ in first }
    otherAnswers = answers("other")
    inFlight = all.gauge("gateway_in_flight", "Requests that wait for a service's answer.")
    shed = all.counter("gateway_shed_total", "Requests refused since too many wait already.")
    rateLimited = all.counter("gateway_rate_limited_total", "Requests refused since their caller asks too often.")
    timedOut = all.counter("gateway_timed_out_total", "Requests that were not answered by their deadline.")
    tokenHits = all.counter("gateway_token_cache_hits_total", "Access tokens that were known already.")
    tokenMisses = all.counter("gateway_token_cache_misses_total", "Access tokens whose signature was checked.")
    connections = all.gauge("gateway_connections", "Clients that are connected.")
    refusedConnections = all.counter(
      "gateway_refused_connections_total", "Connections refused, as there were too many.")
  }

  func count(_ status: Int) { (answers[status] ?? otherAnswers).add(1) }

  /// The page, with the numbers that others keep.
  func render(_ tokens: AccessTokens, connections count: Int, refusals: Int) -> [UInt8] {
    tokenHits.add(tokens.hits - tokenHits.value)
    tokenMisses.add(tokens.misses - tokenMisses.value)
    connections.set(count)
    refusedConnections.add(refusals - refusedConnections.value)
    return all.render()
  }
}
