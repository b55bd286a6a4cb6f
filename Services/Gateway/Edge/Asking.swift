import Contract
import EventLoop
import HTTP
import Mesh
import Telemetry
import Wire

/// The way to the service and back.
extension Edge {
  /// Asks the service, and answers with what it says.
  func ask(
    _ route: RoutedEndpoint, _ caller: Caller, _ path: PathValues, _ idempotencyKey: String?, body: [UInt8],
    for exchange: Exchange
  ) throws(Rejection) {
    let upstream = route.upstream
    // A beacon says itself what it has to say about its device.
    if case .member(let member, _, let signIn) = caller, route.endpoint.route.body != .beacon {
      noticed(member, signIn)
    }
    if let own = own[route.endpoint.name] { return answer(exchange, with: own, body) }
    try begin(upstream)
    ask(question(route.endpoint.record, caller, path, idempotencyKey, body, exchange)) { [self] result in
      end(upstream, result, for: exchange)
      switch result {
      case .success(let answer): self.answer(exchange, answer)
      case .failure(let error): reject(exchange, Rejection(error))
      }
    }
  }

  /// Counts a question that is about to be asked; throws when there are too many, or nobody would answer.
  func begin(_ upstream: Upstream) throws(Rejection) {
    guard inFlight < options.inFlightLimit, upstream.inFlight < options.inFlightLimitOfService else {
      metrics.shed.add(1)
      throw .overloaded("Too many requests are being answered; try again in a moment.")
    }
    guard upstream.silence.mayAsk(now: now) else {
      metrics.shed.add(1)
      throw .unavailable("The service behind this does not answer at the moment; try again later.")
    }
    count(upstream, 1)
  }

  /// Notes how a question ended.
  func end(_ upstream: Upstream, _ result: Result<Answer, AskError>, for exchange: Exchange) {
    count(upstream, -1)
    switch result {
    case .success: upstream.silence.answered(now: now)
    case .failure(let error):
      if case .timedOut = error {
        upstream.silence.timedOut(now: now, after: options.deadline)
        metrics.timedOut.add(1)
      }
      log.limited().warning("a request went without an answer", ["request": exchange.id, "error": error])
    }
  }

  private func answer(_ exchange: Exchange, with own: @escaping OwnAnswer, _ body: [UInt8]) {
    Task.immediate { @Loop in
      answer(exchange, await TraceContext.$current.withValue(exchange.trace) { await own(exchange, body) })
    }
  }

  private func count(_ upstream: Upstream, _ change: Int) {
    upstream.inFlight += change
    inFlight += change
    metrics.inFlight.set(inFlight)
  }

  func question(
    _ endpoint: EndpointRecord, _ caller: Caller, _ path: PathValues, _ idempotencyKey: String?, _ body: [UInt8],
    _ exchange: Exchange
  ) -> Question {
    let passport = Passport(
      endpoint: endpoint.name, request: exchange.id, deadline: .now + options.deadline, caller: caller, path: path,
      idempotencyKey: idempotencyKey, client: details(of: exchange))
    let key: [UInt8]? =
      switch endpoint.key {
      case .path(let name): path[name].map { Array($0.utf8) }
      case .member: caller.member.map { Array($0.description.utf8) }
      case .request: idempotencyKey.map { Array($0.utf8) }
      }
    // A second copy of what one replica is slow with helps; of what all are slow with it does harm.
    let isBusy = inFlight > options.inFlightLimit / 2
    let hedgeAfter = endpoint.effect == .read ? options.hedgeReadsAfter : options.hedgeWritesAfter
    return Question(
      passport, body: body, key: key, hedgeAfter: endpoint.mayBeHedged && !isBusy ? hedgeAfter : nil,
      trace: exchange.trace)
  }

  private func details(of exchange: Exchange) -> ClientDetails {
    let head = exchange.head
    let userAgent = head["user-agent"] ?? ""
    return ClientDetails(
      address: exchange.client.description,
      userAgent: userAgent.utf8.count <= Self.userAgentLimit
        ? userAgent : String(userAgent.prefix(Self.userAgentLimit)),
      ifMatch: head["if-match"])
  }

  /// More characters of a `User-Agent` are of no use to anyone.
  private static let userAgentLimit = 256

  // MARK: Back

  /// Answers with what the service said.
  func answer(_ exchange: Exchange, _ answer: Answer) {
    guard answer.kind == .reply else { return reject(exchange, Rejection(answer)) }
    let tag = answer.headers.first { $0.name == .entityTag }?.value
    let isCurrent = tag.map { exchange.isReading && exchange.head.lists(tag: $0) } ?? false
    var response = HTTPResponse(
      status: isCurrent ? 304 : answer.status, body: .bytes(isCurrent ? [] : answer.body))
    if !isCurrent, !answer.body.isEmpty {
      response.head.add("Content-Type", exchange.route?.endpoint.route.answers ?? Route.json)
    }
    for header in answer.headers { response.head.add(header.name.field, header.value) }
    if !answer.headers.contains(where: { $0.name == .cacheControl }) {
      // What has a tag may be kept by its client, and is checked each time it is used.
      response.head.add("Cache-Control", tag == nil ? AnswerHeaders.uncached : AnswerHeaders.checked)
    }
    send(exchange, response)
  }

  /// Answers with a problem.
  func reject(_ exchange: Exchange, _ rejection: Rejection) {
    var problem = rejection.problem
    problem.instance = exchange.path
    problem.requestId = exchange.id.description
    var response = HTTPResponse(
      status: problem.status, type: ProblemDocument.mediaType, bytes: ProblemDocument.bytes(problem))
    for (name, value) in rejection.headers { response.head.add(name, value) }
    response.head.add("Cache-Control", AnswerHeaders.uncached)
    send(exchange, response)
  }

  /// Answers with `response` and the headers that every answer carries.
  func send(_ exchange: Exchange, _ response: HTTPResponse, policy: String = AnswerHeaders.strictPolicy) {
    var response = response
    AnswerHeaders.add(to: &response.head, for: exchange, options.crossOrigin, policy: policy)
    exchange.request.answer(response)
    log.debug(
      "answered",
      [
        "request": exchange.id, "method": exchange.head.method.rawValue, "path": exchange.path,
        "status": response.head.status,
      ])
    metrics.count(response.head.status)
    let took = ContinuousClock.now - exchange.began
    exchange.route?.count(response.head.status, after: took)
    // The path of what is no route may be anything, so it is not written down.
    log.span(
      .request, exchange.route?.endpoint.name ?? "unknown", of: exchange.trace, took: took,
      [
        "method": exchange.head.method.rawValue, "path": exchange.route == nil ? "-" : exchange.path,
        "status": response.head.status,
        "request": exchange.id,
      ])
  }
}

extension Rejection {
  /// What the client is told when there is no answer.
  init(_ error: AskError) {
    switch error {
    case .timedOut: self.init(504, "timed_out", "This was not answered in time. \(Self.unknownOutcome)")
    case .closed: self = .unavailable("This gateway is ending. \(Self.unknownOutcome)")
    case .overloaded: self = .overloaded("Too many requests are being answered; try again in a moment.")
    case .unreachable, .unknownEndpoint, .noKey:
      self = .unavailable("This cannot be done at the moment; nothing was changed. Try again.")
    }
  }

  // A request without a key of the client's goes by its own name.
  private static let unknownOutcome =
    "Whether it took effect is unknown: repeat it with the same Idempotency-Key, or with this requestId as the key."

  /// What the client is told when a service says no.
  init(_ answer: Answer) {
    do throws(Problem) {
      self.init(try FieldDecoding.decode(Problem.self, from: answer.body))
    } catch {
      self.init(500, "internal_error", "Something is wrong on our side; it has been noted.")
    }
    headers = answer.headers.map { ($0.name.field, $0.value) }
    if problem.status == 503, headers.isEmpty { headers.append(("Retry-After", "1")) }
  }

  /// Nobody is there to do it; nothing was done.
  static func unavailable(_ detail: String) -> Rejection {
    Rejection(503, "unavailable", detail, headers: [("Retry-After", "1")])
  }
}

extension ReplyHeader.Name {
  /// The header's name in HTTP.
  fileprivate var field: StaticString {
    switch self {
    case .entityTag: "ETag"
    case .location: "Location"
    case .retryAfter: "Retry-After"
    case .cacheControl: "Cache-Control"
    case .contentDisposition: "Content-Disposition"
    }
  }
}
