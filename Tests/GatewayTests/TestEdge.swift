import Contract
import Crypto
import EventLoop
import Foundation
import HTTP
import Mesh
import Storage
import Telemetry
import Testing
import Wire

@testable import Gateway

/// An edge behind a real HTTP server, and in place of the services whatever a test says.
@Loop final class TestEdge {
  let edge: Edge
  let server: HTTPServer
  let metrics = Metrics()
  private let key = SigningKey()
  /// What services were asked.
  private(set) var questions: [Question] = []
  /// What they say; nil keeps the client waiting.
  var answer: @Loop (Question) -> Result<Answer, AskError>? = { _ in
    .success(Answer(.reply, status: 200, body: Array(#"{"text":"hello"}"#.utf8)))
  }
  /// The time by which allowances and silences are counted; stands still unless a test moves it.
  var time = Duration.seconds(1000)
  /// Those who wait, in the order in which they came.
  private(set) var waiting: [@Loop (Result<Answer, AskError>) -> Void] = []

  /// Where files are kept.
  let storage: LocalStorage
  let mediaKeys = KeyRing(current: 1, keys: [1: SymmetricKey()])
  let uploads: Uploads

  init(_ options: Edge.Options = Edge.Options(), uploads limit: Int = 4) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("media-\(UUID())").path
    storage = LocalStorage(root: folder)
    uploads = Uploads(to: storage, by: "\(folder)/spool", limit: limit, log: .disabled)

    let routes = RouteTable(reserved: Pages.reserved, metrics: metrics, log: .disabled)
    routes.replace(with: ["notes": try NotesContract.record])
    weak var me: TestEdge?
    edge = Edge(
      options, routes: routes, pages: Pages(), metrics: EdgeMetrics(metrics), log: .disabled,
      uploads: uploads, media: Media(storage) { [mediaKeys] in mediaKeys.derived(for: $0) },
      clock: { me?.time ?? .zero }, ask: { me?.asked($0, $1) })
    var limits = HTTPServer.Limits()
    limits.body = BodyCheck.limit
    server = try HTTPServer(on: .anyLoopbackPort, limits: limits) { [edge] in edge.handle($0) }
    server.problem = { [edge] in edge.answer(to: $0) }
    edge.tokens.setKey(key.verifyingKey, key.verifyingKey.thumbprint)
    me = self
  }

  private func asked(_ question: Question, _ completion: @escaping @Loop (Result<Answer, AskError>) -> Void) {
    questions.append(question)
    if let answer = answer(question) { completion(answer) } else { waiting.append(completion) }
  }

  /// Answers whoever has waited longest.
  func answerNext(_ result: Result<Answer, AskError>) { waiting.removeFirst()(result) }

  /// The files of storage that have this name's beginning.
  func files(below folder: String) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: "\(storage.root)/\(folder)")) ?? []
  }

  func client() async throws -> RawClient { try await RawClient(server.address) }

  /// The headers of a request by a signed-in member.
  func signedIn(_ role: Role = .member, member: MemberID = ID(at: .now)) throws -> [String: String] {
    let now = Date()
    let claims = AccessClaims(
      exp: now.addingTimeInterval(900), iat: now, sub: member, sid: ID(at: .now), role: role)
    return ["Authorization": "Bearer \(try TokenSigner(key).mint(claims))"]
  }

  /// Runs `body` with an edge and a client; everything is stopped in the end.
  static func run(_ options: Edge.Options = Edge.Options(), _ body: @Loop (TestEdge, RawClient) async throws -> Void)
    async throws
  {
    let edge = try TestEdge(options)
    defer {
      edge.server.stop()
      try? FileManager.default.removeItem(atPath: edge.storage.root)
    }
    try await body(edge, try await edge.client())
  }
}

extension RawClient {
  /// The status that a request is answered with.
  func status(
    _ method: String, _ path: String, _ headers: [String: String] = [:], body: String? = nil
  ) async throws -> Int { try await ask(method, path, headers, body: body).status }

  /// Status and code of the problem that a request is answered with.
  func problem(
    _ method: String, _ path: String, _ headers: [String: String] = [:], body: String? = nil
  ) async throws -> String { try await ask(method, path, headers, body: body).problem() }
}

extension RawClient.Answer {
  /// The body's members as text, for comparing a few of them.
  func member(_ name: String) throws -> String? {
    let value = try JSONValue.parse(Array(body.utf8))[name]
    return value?.string ?? value?.integer(Int.self).map { "\($0)" }
  }

  /// Status and code of a problem; checks that it is whole.
  func problem() throws -> String {
    #expect(headers["content-type"] == "application/problem+json")
    #expect(headers["cache-control"] == "no-store")
    #expect(try member("status") == "\(status)")
    #expect(try member("requestId") == headers["x-request-id"])
    for name in ["type", "title", "detail"] { #expect(try member(name)?.isEmpty == false) }
    return "\(status) \(try member("code") ?? "")"
  }
}
