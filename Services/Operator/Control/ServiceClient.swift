import Contract
import EventLoop
import Foundation
import IdentityAPI
import Mesh
import MessagingAPI
import ProfilesAPI
import Telemetry

/// Asks services as the operator, through their topics like any other service.
@Loop struct ServiceClient {
  /// How long an answer may take. A password is hashed on purpose slowly.
  private static let patience = Duration.seconds(20)

  private let asker: Asker
  private let reach: Reach

  /// Gets ready to ask. Throws `Failure`.
  init(_ reach: Reach) async throws {
    self.reach = reach
    let root = try reach.rootKeys()
    do {
      asker = try Asker(
        reach.kafka,
        keys: .service(
          "operator", asking: [Register.service, AppointProvider.service, MakeMembers.service],
          root: root),
        log: Log(service: "mesh", level: .error, format: .pretty, descriptor: STDERR_FILENO), metrics: Metrics())
      try await asker.start()
    } catch {
      throw Failure("\(error)", advice: reach.advice(for: "the broker"))
    }
  }

  func close() async { await asker.close() }

  /// Asks. Throws the endpoint's refusal, or a `Failure` that says in one line what else stands in the way.
  func ask<Request: Endpoint>(_ request: Request) async throws -> Request.Reply {
    let now = Timestamp.now
    let passport = Passport(
      endpoint: Request.name, request: UniqueID(at: now), deadline: now + Self.patience,
      caller: .service("operator", member: nil))
    let answer: Answer
    do {
      answer = try await asker.ask(Question(passport, body: [UInt8](try JSONEncoder().encode(request))))
    } catch {
      throw Failure("\(error)", advice: reach.advice(for: Request.service))
    }
    do { return try answer.open(as: Request.self) } catch let problem as Problem { throw Failure(Self.line(problem)) }
  }

  /// A problem in one line.
  static func line(_ problem: Problem) -> String {
    guard let errors = problem.errors, !errors.isEmpty else { return problem.detail }
    return errors.map { "\($0.pointer.drop { $0 == "/" }) \($0.detail)" }.joined(separator: "; ")
  }
}
