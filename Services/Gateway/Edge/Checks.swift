import Contract
import EventLoop
import HTTP
import Mesh
import Telemetry
import Wire

/// The checks that need to know more than the request itself.
extension Edge {
  /// What answers here, and the values of its path.
  func findRoute(_ target: RequestTarget, for exchange: Exchange) throws(Rejection) -> (RoutedEndpoint, PathValues) {
    // A path with a slash at its end is another path, and nothing is there.
    switch target.endsInSlash ? .nothing : routes.router.find(exchange.head.method, target.segments) {
    case .found(let route, let path): return (route, path)
    case .otherMethods(let methods):
      let allowed = methods.map(\.rawValue).joined(separator: ", ")
      throw Rejection(405, "method_not_allowed", "This path answers \(allowed).", headers: [("Allow", allowed)])
    case .nothing:
      throw Rejection(404, "not_found", "There is nothing at this path; /openapi.json lists all there is.")
    }
  }

  /// What a path answers (OPTIONS), and to a browser's preflight what pages of its site may do there.
  func describe(_ target: RequestTarget, for exchange: Exchange) throws(Rejection) -> HTTPResponse {
    var methods = HTTPMethod.served
    if exchange.head.rawTarget != "*" {
      guard !target.endsInSlash, case .otherMethods(let known) = routes.router.find(.options, target.segments) else {
        throw Rejection(404, "not_found", "There is nothing at this path; /openapi.json lists all there is.")
      }
      methods = known
    }
    let allowed = methods.map(\.rawValue).joined(separator: ", ")
    var response = HTTPResponse(status: 204)
    response.head.add("Allow", allowed)
    if exchange.origin != nil, exchange.head["access-control-request-method"] != nil {
      response.head.add("Access-Control-Allow-Methods", allowed)
      response.head.add("Access-Control-Allow-Headers", CrossOrigin.requestHeaders)
      response.head.add("Access-Control-Max-Age", "\(CrossOrigin.preflightAge.wholeSeconds)")
    }
    return response
  }

  /// Who asks with the token that `token` finds, if with any, and one call out of their allowance; throws when they may not
  /// ask here.
  func admit(
    _ exchange: Exchange, to route: RoutedEndpoint, holding token: () throws(Rejection) -> String?
  ) throws(Rejection) -> Caller {
    let caller = try identify(token, for: route.endpoint.route.audience)
    try limit(caller, at: route.endpoint, for: exchange)
    return caller
  }

  /// Where anyone may ask, a token that does not hold is as good as none: whoever wants to sign in again may still carry
  /// the old one.
  private func identify(
    _ token: () throws(Rejection) -> String?, for audience: Route.Audience
  ) throws(Rejection) -> Caller {
    let caller: Caller
    do throws(Rejection) {
      caller =
        try token().map { token throws(Rejection) in try tokens.caller(holding: token, now: .now) } ?? .anyone
    } catch {
      guard audience == .anyone else { throw error }
      return .anyone
    }
    if audience.includes(caller) { return caller }
    if caller == .anyone { throw .notSignedIn }
    throw Rejection(403, "forbidden", "This is for the role \(audience.rawValue) and above.")
  }

  /// Who asks, as their token says. Throws where none holds.
  func signedIn(_ exchange: Exchange) throws(Rejection) -> SignedIn {
    guard let token = try Self.bearer(exchange.head) else { throw .notSignedIn }
    return try tokens.signedIn(holding: token, now: .now)
  }

  /// The token in `Authorization: Bearer …` (RFC 6750, section 2.1).
  static func bearer(_ head: HTTPRequestHead) throws(Rejection) -> String? {
    guard let value = head["authorization"] else { return nil }
    let scheme = value.prefix { $0 != " " }
    guard scheme.utf8.count == 6, scheme.lowercased() == "bearer" else {
      throw .invalidToken("token_invalid", "Only bearer tokens are known here: Authorization: Bearer <accessToken>.")
    }
    return String(value[scheme.endIndex...].drop { $0 == " " })
  }

  /// Takes one call out of the allowance of the client's address.
  func limitAddress(_ exchange: Exchange) throws(Rejection) {
    var hasher = Hasher()
    hasher.combine(exchange.client.household)
    try take(hasher, limit: options.callsOfAddress, for: exchange)
  }

  /// Takes one call out of the allowance that `caller` has at `endpoint`: a member's, else the address's.
  private func limit(_ caller: Caller, at endpoint: PublicEndpoint, for exchange: Exchange) throws(Rejection) {
    var hasher = Hasher()
    hasher.combine(endpoint.name)
    if let member = caller.member { hasher.combine(member) } else { hasher.combine(exchange.client.household) }
    try take(hasher, limit: endpoint.route.rate.perMinute, for: exchange)
  }

  private func take(_ caller: Hasher, limit: Int, for exchange: Exchange) throws(Rejection) {
    let limit = max(1, Int((Double(limit) * options.rateScale).rounded()))
    let verdict = limiter.take(UInt64(bitPattern: Int64(caller.finalize())), limit: limit, now: now)
    exchange.allowance = verdict
    guard verdict.isAllowed else {
      metrics.rateLimited.add(1)
      throw Rejection(
        429, "rate_limited", "Too many requests; the limit here is \(limit) a minute. See Retry-After.",
        headers: [("Retry-After", "\(max(1, verdict.reset.wholeSeconds))")])
    }
  }
}
