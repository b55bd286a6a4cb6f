import BenchKit
import Contract
import Crypto
import EventLoop
import Foundation
import Kafka
import Mesh
import Postgres
import ProfilesAPI
import Telemetry
import TestKit

/// The built service with a broker and a database of its own, with a population in it, asked as the gateway asks it.
@Loop final class DiscoveryWorld {
  /// One search.
  struct Search {
    let skill: String
    let word: String
  }

  private let broker: BrokerServer
  private let postgres: PostgresServer
  private let database: Database
  private let service: ServerProcess
  private let gateway: Asker
  private let keeper: Asker

  init() async throws {
    broker = try BrokerServer(arguments: [])
    postgres = try await PostgresServer()
    try await postgres.run("alter system set shared_buffers = '1GB'")
    try await postgres.process.stop()
    try await postgres.process.start()
    let url = try await postgres.freshURL()
    database = Database(.init(url: url, applicationName: "bench"))
    let root = SymmetricKey()
    let listener = try Listener(on: .anyLoopbackPort) { $0.close() }
    let ops = "127.0.0.1:\(listener.address.port)"
    listener.close()
    let key = root.derived(for: "service profiles").withBytes { Hex.encode($0) }
    let variables = [
      "KAFKA_BROKERS=\(broker.address)", "'DATABASE_URL=\(url)'", "MESH_KEY=1:\(key)", "OPS_ADDRESS=\(ops)",
      "DEVELOPMENT=true",
    ]
    service = try ServerProcess(
      "profiles",
      run: "env --default-signal \(variables.joined(separator: " ")) '\(BenchProgram.built("profiles").path)'",
      probe: "curl -sf http://\(ops)/readyz")
    try await service.start()
    let kafka = try KafkaConfiguration(brokers: broker.address, clientID: "bench")
    let ring = KeyRing(current: 1, keys: [1: root])
    gateway = try Asker(kafka, keys: .root(ring), log: .disabled, metrics: Metrics())
    keeper = try Asker(
      kafka, keys: .service("operator", asking: ["profiles"], root: ring), log: .disabled, metrics: Metrics())
    try await gateway.start()
    try await keeper.start()
  }

  func end() async {
    await gateway.close()
    await keeper.close()
    database.close()
    try? await service.stop()
    try? await postgres.process.kill()
    broker.stop()
  }

  /// Has the service make so many members.
  func load(_ members: Int, seed: Int) async throws {
    for first in stride(from: 0, to: members, by: 1000) {
      let request = MakeMembers(
        seed: seed, first: try PopulationNumber(first), count: try BatchSize(min(1000, members - first)))
      _ = try await ask(request, of: keeper, as: .service("operator", member: nil))
      if first % 100_000 == 0 { BenchProgram.say("\(first) of \(members) members") }
    }
    try await database.transaction(timeout: .seconds(600)) { transaction in
      try await transaction.query("set local statement_timeout = 0")
      try await transaction.query("analyze listings")
      try await transaction.query("analyze presences")
    }
  }

  /// Skills and words as members have them: what is common is asked for more often.
  func questions() async throws -> [Search] {
    try await database.query(
      """
      select distinct on (l.member_id) substr(term, 7), word
      from (select * from listings tablesample system (5) where 'provider' = any(terms) limit 4000) l,
        unnest(l.terms) term, unnest(tsvector_to_array(l.document)) word
      where term ~ '^skill:[^:]+$' order by l.member_id, random() limit 1000
      """
    ).map { row in
      let (skill, word) = try row.decode(String.self, String.self)
      return Search(skill: skill, word: word)
    }
  }

  /// Through topic and service.
  func search(_ search: Search) async throws {
    let caller = Caller.member(MemberID(at: .now), role: .member, session: AuthSessionID(at: .now))
    let query = "skill=\(search.skill)&q=\(search.word)&onlineStatus=online"
    _ = try await ask(SearchMembers(), of: gateway, as: caller, query: query)
  }

  /// The statement alone: the ids of twenty.
  func searchBare(_ search: Search) async throws {
    try await database.query(
      """
      select member_id, standing from listings
      where listed_to = 'everyone' and terms @> \(["skill:\(search.skill)", "status:online"])
        and document @@ websearch_to_tsquery('english', \(search.word))
      order by standing desc, member_id desc limit 20
      """)
  }

  private func ask<Request: Endpoint>(
    _ request: Request, of asker: Asker, as caller: Caller, query: String? = nil
  ) async throws -> Answer {
    let now = Timestamp.now
    let passport = Passport(
      endpoint: Request.name, request: UniqueID(at: now), deadline: now + .seconds(30), caller: caller)
    let body = try query.map { Array($0.utf8) } ?? Array(JSONEncoder().encode(request))
    let answer = try await asker.ask(Question(passport, body: body, key: Array(passport.idempotencyKey.utf8)))
    guard answer.kind == .reply else {
      throw BenchFailure("\(Request.name): \(String(decoding: answer.body, as: UTF8.self))")
    }
    return answer
  }
}
