import Contract
import Crypto
import EventLoop
import Foundation
import IdentityAPI
import Kafka
import Mesh
import MessagingAPI
import ProfilesAPI
import Telemetry

/// Asks services as the operator, through their topics like any other service.
@Loop struct ServiceClient {
  /// How long an answer may take. A password is hashed on purpose slowly.
  private static let patience = Duration.seconds(20)

  private let asker: Asker

  /// Gets ready to ask. Throws `Failure`.
  init(_ folder: MeshFolder, _ ports: Ports) async throws {
    let root = KeyRing(current: 1, keys: [1: try Secrets(folder).key("mesh-root")])
    do {
      asker = try Asker(
        KafkaConfiguration(brokers: "127.0.0.1:\(ports.kafka)", clientID: "mesh"),
        keys: .service(
          "operator", asking: [Register.service, AppointProvider.service, MakeMembers.service],
          root: root),
        log: Log(service: "mesh", level: .error, format: .pretty, descriptor: STDERR_FILENO), metrics: Metrics())
      try await asker.start()
    } catch {
      throw Failure("\(error)", advice: "./mesh status says whether the broker runs.")
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
      throw Failure("\(error)", advice: "./mesh status says whether \(Request.service) runs.")
    }
    do { return try answer.open(as: Request.self) } catch let problem as Problem { throw Failure(Self.line(problem)) }
  }

  /// A problem in one line.
  static func line(_ problem: Problem) -> String {
    guard let errors = problem.errors, !errors.isEmpty else { return problem.detail }
    return errors.map { "\($0.pointer.drop { $0 == "/" }) \($0.detail)" }.joined(separator: "; ")
  }
}
