import EventLoop
import Foundation
import Kafka
import Mesh
import Postgres
import Telemetry

extension Command {
  /// Makes the passwords and keys of a deployment.
  func makeSecrets(_ folder: String, postgres: HostPort, redis: HostPort) throws -> CInt {
    let names = try DeploymentSecrets(folder).make(postgres: postgres, redis: redis)
    for name in names { Console.say("\(folder)/\(name)") }
    return ExitCode.done
  }

  /// Makes what the services of a deployment stand on: their roles and schemas in PostgreSQL, their topics in Kafka.
  /// Changes nothing that is there, but for the roles' passwords.
  @Loop func provisionDeployment() async throws -> CInt {
    let options = try DeploymentOptions.fromEnvironment()
    guard let url = options.databaseURL?.exposed.text else {
      throw Failure("DATABASE_URL: not set, expected the superuser in PostgreSQL", exitCode: ExitCode.usage)
    }
    let services = manifest.filter { $0.stage == .service }
    let roles = try services.filter { $0.needs.contains(.database) }.map { service throws(Failure) in
      try Self.role(of: service.name, in: options.serviceSecrets)
    }
    try await Self.setUp(roles, at: url, within: options.startupPatience)
    Console.say("roles and schemas: \(roles.map(\.name).joined(separator: ", "))")

    let admin = try Admin(options.kafka.configuration(clientID: "mesh"), limit: .seconds(30))
    defer { admin.close() }
    try await admin.waitUntilReady(within: options.startupPatience)
    let asked = services.filter { $0.needs.contains(.meshKey) }
    let made = try await admin.createTopics(MeshTopics.common + asked.flatMap { MeshTopics.own(of: $0.name) })
    Console.say(made.isEmpty ? "topics: all were there" : "new topics: \(made.sorted().joined(separator: ", "))")
    return ExitCode.done
  }

  /// The role that a service is told to use.
  private static func role(of service: String, in folder: String) throws(Failure) -> DatabaseRoles.Role {
    let path = "\(folder)/\(DeploymentSecrets.databaseURL(of: service))"
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
      throw Failure("cannot read \(path)", advice: "It holds DATABASE_URL of \(service); mesh secrets makes it.")
    }
    let url = URLComponents(string: text.trimmingCharacters(in: .whitespacesAndNewlines))
    guard url?.user == service, let password = url?.password, !password.isEmpty else {
      throw Failure("\(path) does not hold postgresql://\(service):PASSWORD@HOST/DATABASE")
    }
    return DatabaseRoles.Role(name: service, password: password)
  }

  /// Repeats it while PostgreSQL cannot be had, as long as patience lasts.
  @Loop private static func setUp(
    _ roles: [DatabaseRoles.Role], at url: String, within patience: Duration
  ) async throws {
    let deadline = ContinuousClock.now + patience
    while true {
      do {
        return try await DatabaseRoles.setUp(roles, at: url)
      } catch let error as PostgresError {
        guard error.isRetryable, ContinuousClock.now < deadline else { throw Failure("PostgreSQL: \(error)") }
        try await Loop.sleep(for: .milliseconds(250))
      }
    }
  }
}
