import EventLoop
import Foundation
import Postgres
import Telemetry
import TestKit
import Testing

@testable import Operator

@Suite struct DeploymentTests {
  private func withFolder(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "secrets-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(folder)
  }

  private func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

  @Test func `a deployment's secrets are what the manifest says that services need`() throws {
    try withFolder { folder in
      let names = try DeploymentSecrets(folder).make(postgres: "db:5432", redis: "cache:6379")
      #expect(Set(names) == Set(try FileManager.default.contentsOfDirectory(atPath: folder)))
      for service in manifest where service.stage == .service {
        #expect(service.needs.contains(.database) == names.contains("\(service.name)-database-url"))
        #expect(service.needs.contains(.meshKey) == names.contains("\(service.name)-mesh-key"))
        #expect(service.needs.contains(.masterKey) == names.contains("\(service.name)-master-key"))
      }
      let url = try text("\(folder)/identity-database-url")
      #expect(url.hasPrefix("postgresql://identity:") && url.hasSuffix("@db:5432/skillmesh"))
      #expect(
        try text("\(folder)/redis-url") == "redis://default:\(try text("\(folder)/redis-password"))@cache:6379/0")
      let mode = try FileManager.default.attributesOfItem(atPath: folder)[.posixPermissions] as? Int
      #expect(mode == 0o700)
    }
  }

  @Test func `made again, passwords and keys stay, and services' keys follow the root key`() throws {
    try withFolder { folder in
      let secrets = try DeploymentSecrets(folder)
      let names = try secrets.make(postgres: "db:5432", redis: "cache:6379")
      let before = try names.map { try text("\(folder)/\($0)") }
      _ = try secrets.make(postgres: "db:5432", redis: "cache:6379")
      #expect(try names.map { try text("\(folder)/\($0)") } == before)

      let root = try text("\(folder)/mesh-root-key")
      let own = try text("\(folder)/identity-mesh-key")
      try replaceFile("\(folder)/mesh-root-key", with: Data("2:\(Secrets.newSecret()),\(root)".utf8))
      _ = try secrets.make(postgres: "db:5432", redis: "cache:6379")
      let rotated = try text("\(folder)/identity-mesh-key")
      #expect(rotated.hasPrefix("2:") && rotated.hasSuffix(",\(own)"))
      #expect(try text("\(folder)/messaging-mesh-key") != rotated)
    }
  }

  @Test @Loop func `a role owns the schema of its name, finds it first, and may do nothing in another's`() async throws
  {
    let server = try await PostgresServer()
    func url(_ user: String, _ database: String) -> String {
      "postgresql:///\(database)?host=\(server.process.folder)&user=\(user)"
    }
    for _ in 0..<2 { try await DatabaseRoles.create("mesh", at: url("postgres", "postgres")) }
    // A password is data, whatever it looks like.
    for password in ["first", #"it's \ $$ %I"#] {
      try await DatabaseRoles.setUp(
        [.init(name: "one", password: password), .init(name: "two", password: "x")], at: url("postgres", "mesh"))
    }
    let one = Database(.init(url: url("one", "mesh"), applicationName: "tests"))
    let two = Database(.init(url: url("two", "mesh"), applicationName: "tests"))
    defer {
      one.close()
      two.close()
    }
    try await one.query("create table kept (value text)")
    #expect(try await one.query("select count(*) from one.kept").decode(Int.self) == [0])
    for forbidden: SQL in ["select * from one.kept", "create table public.x (y int)", "create schema three"] {
      let error = await #expect(throws: PostgresError.self) { try await two.query(forbidden) }
      #expect(error?.state == SQLState(rawValue: "42501"))
    }
  }
}
