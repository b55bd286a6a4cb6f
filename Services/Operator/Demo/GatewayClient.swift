import Curl
import EventLoop
import Foundation
import Telemetry
import Wire

/// Asks the gateway over HTTP, as a part of the scene that is being played.
@Loop final class GatewayClient {
  /// What is sent: what JSON can say.
  typealias Body = [String: any Sendable]

  /// What was answered.
  struct Answer {
    let status: Int
    let body: JSONValue
    let took: Duration
    /// As logs know the request.
    let request: String

    /// For a message that something else was expected.
    var description: String {
      let code = body["code"]?.string.map { " \($0)" } ?? ""
      let detail = body["detail"]?.string.map { ": \($0)" } ?? ""
      return "\(status)\(code)\(detail) (request \(request))"
    }
  }

  /// How long something may take that happens in the background.
  static let patience = Duration.seconds(30)
  /// How often a request is made that is told to come back later, and for how long that is done.
  private static let tries = 4
  private static let longestPause = Duration.seconds(20)

  let address: SocketAddress
  let stage: Stage
  private let http: HTTPClient

  init(_ address: SocketAddress, _ stage: Stage) {
    (self.address, self.stage) = (address, stage)
    var options = HTTPClient.Options()
    options.timeout = .seconds(20)
    http = HTTPClient(options)
  }

  func close() { http.close() }

  /// What sends requests and sockets into the trace of the scene.
  var traceHeaders: [(name: String, value: String)] {
    stage.trace.map { [("traceparent", $0.traceparent)] } ?? []
  }

  /// Asks, tells of it, and returns what was answered with one of `statuses`. Throws `Unexpected` for any other.
  @discardableResult
  func ask(
    _ service: String, _ method: String, _ path: String, token: String?, _ body: Body? = nil, expecting statuses: [Int]
  ) async throws -> JSONValue {
    let answer = try await send(method, path, token: token, body)
    stage.tell(service, "\(method) \(Self.shortened(path))", "\(answer.status)", answer.took)
    try expect(
      statuses.contains(answer.status),
      "\(statuses.map(String.init).joined(separator: " or ")) from \(method) \(path)", got: answer.description)
    return answer.body
  }

  /// Asks again and again until `holds`, tells of it, and returns the answer. Throws `Unexpected` when it takes too long.
  func wait(
    for what: String, _ service: String, _ path: String, token: String, _ holds: @Loop (JSONValue) -> Bool
  ) async throws -> JSONValue {
    let began = ContinuousClock.now
    while true {
      let answer = try await send("GET", path, token: token, nil)
      let took = ContinuousClock.now - began
      if answer.status == 200, holds(answer.body) {
        stage.tell(service, "GET \(Self.shortened(path))", "200", took)
        return answer.body
      }
      try expect(
        took < Self.patience, "\(what) within \(Self.patience.inSeconds) (GET \(path))",
        got: answer.status == 200 ? String(decoding: answer.body.text.prefix(500), as: UTF8.self) : answer.description)
      try await Loop.sleep(for: .milliseconds(50))
    }
  }

  /// Asks until a token opens nothing any more. Throws `Unexpected` when that takes too long.
  func waitUntilRefused(token: String) async throws {
    let began = ContinuousClock.now
    while true {
      let answer = try await send("GET", "/api/v1/me", token: token, nil)
      let took = ContinuousClock.now - began
      if answer.status == 401 { return stage.tell("gateway", "GET /api/v1/me", "401", took) }
      try expect(
        took < Self.patience, "401 for an old token within \(Self.patience.inSeconds)", got: answer.description)
      try await Loop.sleep(for: .milliseconds(50))
    }
  }

  private func send(_ method: String, _ path: String, token: String?, _ body: Body?) async throws -> Answer {
    var headers = traceHeaders + [("user-agent", "mesh demo")]
    if let token { headers.append(("authorization", "Bearer \(token)")) }
    var content: [UInt8]?
    if let body {
      headers.append(("content-type", "application/json"))
      content = Array(try JSONSerialization.data(withJSONObject: body))
    }
    for attempt in 1... {
      let began = ContinuousClock.now
      let response: HTTPClient.Response
      do {
        response = try await http.send(
          HTTPClient.Request(method, "http://\(address)\(path)", headers: headers, body: content))
      } catch let error as CurlError {
        throw Unexpected("an answer to \(method) \(path)", got: "\(error)")
      }
      let pause = Duration.seconds(response["retry-after"].flatMap { Int64($0) } ?? 1)
      guard response.status == 429 || response.status == 503, attempt < Self.tries, pause <= Self.longestPause else {
        return Answer(
          status: response.status, body: try Self.json(response), took: .now - began,
          request: response["x-request-id"] ?? "unknown")
      }
      stage.tell("gateway", "says \(response.status): again in \(pause.inSeconds)", "\(response.status)", .now - began)
      try await Loop.sleep(for: pause)
    }
    preconditionFailure("the last try returns")
  }

  private static func json(_ response: HTTPClient.Response) throws -> JSONValue {
    do throws(JSONError) {
      return try JSONValue.parse(response.body.isEmpty ? Array("null".utf8) : response.body)
    } catch {
      throw Unexpected("JSON", got: "\(response.status) with \(response.body.count) other bytes")
    }
  }

  /// A path without the numbers that make it long.
  private static func shortened(_ path: String) -> String {
    path.split(separator: "?", maxSplits: 1).enumerated().map { index, part in
      index > 0 ? "?\(part)" : part.split(separator: "/").map { $0.utf8.count == 36 ? "/…" : "/\($0)" }.joined()
    }.joined()
  }
}
