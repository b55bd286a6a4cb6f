import Contract
import EventLoop
import HTTP
import Mesh
import Telemetry
import Wire

/// The public door: what happens to a request between its client and the service that answers.
///
/// **Overview.** `handle` takes a request through the checks in order, cheapest first: overload, path, address-wide
/// allowance, route, kind of body, token, role, allowance; then the body itself; then the service is asked. Whatever a
/// check throws is the answer. No check knows what an endpoint means: all is in its catalogue record.
///
/// **Concurrency.** Callbacks on the loop, no task for a request. The question of a client that goes away counts as under
/// way until it is answered or its time is up, since the service does the work; then nothing of it is left.
///
/// **Bounds.** Requests under way, in all and for each service; one body of at most `BodyCheck.limit` for each; tokens,
/// allowances and revocations in tables of bounded size.
@Loop final class Edge {
  /// Bounds and rules.
  struct Options {
    /// Requests that may wait for services; beyond, requests are refused at once.
    var inFlightLimit = 8_192
    /// Of these, how many may wait for one and the same service.
    var inFlightLimitOfService = 2_048
    /// For how long a client is kept waiting.
    var deadline = Duration.seconds(15)
    /// After how long without an answer another replica is asked too, where the endpoint allows it.
    var hedgeReadsAfter = Duration.milliseconds(100)
    var hedgeWritesAfter = Duration.seconds(1)
    /// Multiplies how often callers may ask.
    var rateScale = 1.0
    /// Calls a minute from one address, whoever makes them.
    var callsOfAddress = 6_000
    var proxies = TrustedProxies(networks: [])
    var crossOrigin = CrossOrigin([])
    var tokenCacheCapacity = 50_000
    /// Of how many requests a second the steps are written down, where their clients ask for it.
    var tracesPerSecond = 100
  }

  /// Asks a service; calls back exactly once.
  typealias Ask = @Loop (Question, @escaping @Loop (Result<Answer, AskError>) -> Void) -> Void

  /// Answers a request that is for the gateway itself.
  typealias OwnAnswer = @Loop (Exchange, _ body: [UInt8]) async -> Answer

  let options: Options
  let routes: RouteTable
  let pages: Pages
  let metrics: EdgeMetrics
  var tokens: AccessTokens
  let ask: Ask
  let log: Log
  /// What the gateway answers itself, by the endpoint's name.
  var own: [String: OwnAnswer] = [:]
  /// Told of each member who asks something.
  var noticed: @Loop (MemberID, AuthSessionID) -> Void = { _, _ in }
  /// What takes files to storage, and what serves them; nil where there is no storage.
  let uploads: Uploads?
  let media: Media?
  var limiter = RateLimiter()
  let traces: Traces
  var random = BufferedRandom()
  var inFlight = 0
  private let clock: @Loop () -> Duration

  init(
    _ options: Options = Options(), routes: RouteTable, pages: Pages, metrics: EdgeMetrics, log: Log,
    uploads: Uploads? = nil, media: Media? = nil, clock: (@Loop () -> Duration)? = nil, ask: @escaping Ask
  ) {
    let start = ContinuousClock.now
    self.clock = clock ?? { ContinuousClock.now - start }
    (self.options, self.routes, self.pages, self.metrics) = (options, routes, pages, metrics)
    (self.log, self.ask, self.uploads, self.media) = (log, ask, uploads, media)
    tokens = AccessTokens(cacheCapacity: options.tokenCacheCapacity)
    traces = Traces(perSecond: options.tracesPerSecond)
  }

  /// The time by which allowances and silences are counted.
  var now: Duration { clock() }

  /// Answers `request`, now or later.
  func handle(_ request: HTTPRequest) {
    let exchange = begin(request)
    do throws(Rejection) {
      try process(exchange)
    } catch {
      reject(exchange, error)
    }
  }

  /// The answer to what breaks HTTP, and so never became a request.
  func answer(to refusal: HTTPRefusal) -> HTTPResponse {
    let id = UniqueID(at: .now, using: &random)
    var problem = Rejection(refusal).problem
    problem.requestId = id.description
    var response = HTTPResponse(
      status: problem.status, type: ProblemDocument.mediaType, bytes: ProblemDocument.bytes(problem))
    AnswerHeaders.addAlways(to: &response.head, id: id)
    response.head.add("Cache-Control", AnswerHeaders.uncached)
    metrics.count(problem.status)
    return response
  }

  private func begin(_ request: HTTPRequest) -> Exchange {
    // A connection without an address is closed already, and nobody will read the answer.
    let peer = request.peer.flatMap { IPAddress($0.host) } ?? IPAddress(high: 0, low: 0)
    let head = request.head
    return Exchange(
      request, id: UniqueID(at: .now, using: &random), began: .now,
      client: options.proxies.networks.isEmpty
        ? peer : options.proxies.client(of: peer, forwardedFor: head["x-forwarded-for"]),
      isEncrypted: !options.proxies.networks.isEmpty
        && options.proxies.isEncrypted(from: peer, forwardedProto: head["x-forwarded-proto"]),
      origin: options.crossOrigin.isActive ? head["origin"].flatMap { options.crossOrigin.allows($0) ? $0 : nil } : nil,
      trace: traces.trace(of: head))
  }

  private func process(_ exchange: Exchange) throws(Rejection) {
    guard inFlight < options.inFlightLimit else {
      metrics.shed.add(1)
      throw .overloaded("Too many requests are being answered; try again in a moment.")
    }
    let head = exchange.head
    let target = try Self.target(of: head)
    try limitAddress(exchange)
    if let page = try pages.answer(head, target, routes) { return send(exchange, page, policy: Pages.policy) }
    if let object = try media?.answer(head, target) { return send(exchange, object, policy: Media.policy) }
    if head.method == .options { return send(exchange, try describe(target, for: exchange)) }
    let (route, path) = try findRoute(target, for: exchange)
    exchange.route = route
    try BodyCheck.checkHead(head, route.endpoint.route.body)
    let key = try IdempotencyKey.read(head)
    if route.endpoint.route.body == .beacon, head["authorization"] == nil, head.framing.body != .none {
      // A beacon has no headers of its own: its token is in its body.
      return withBody(of: exchange) { [self] body throws(Rejection) in
        let caller = try admit(exchange, to: route) { BodyCheck.accessToken(in: body) }
        try ask(route, caller, path, key, body: body, for: exchange)
      }
    }
    let caller = try admit(exchange, to: route) { () throws(Rejection) in try Self.bearer(head) }
    if let rules = route.endpoint.route.upload {
      return try upload(rules, to: route, caller, path, key, for: exchange)
    }
    guard head.framing.body != .none else {
      let query = head.method == .get || head.method == .head || head.method == .delete ? exchange.query : []
      return try ask(route, caller, path, key, body: query, for: exchange)
    }
    withBody(of: exchange) { [self] body throws(Rejection) in
      try ask(route, caller, path, key, body: body, for: exchange)
    }
  }

  /// Goes on with the JSON body of a request once it is there.
  private func withBody(of exchange: Exchange, _ goOn: @escaping @Loop ([UInt8]) throws(Rejection) -> Void) {
    exchange.request.withBody { [self] result in
      // When the body broke off, the client is gone or has its answer.
      guard case .success(let bytes) = result else { return }
      do throws(Rejection) {
        let body = try BodyCheck.json(of: bytes, exchange.head)
        try BodyCheck.check(body)
        try goOn(body)
      } catch {
        reject(exchange, error)
      }
    }
  }

  private static func target(of head: HTTPRequestHead) throws(Rejection) -> RequestTarget {
    do throws(HTTPRefusal) { return try RequestTarget(head) } catch { throw Rejection(error) }
  }
}
