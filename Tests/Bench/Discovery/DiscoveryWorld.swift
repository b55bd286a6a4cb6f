import BenchKit
import Contract
import Crypto
import EventLoop
import Foundation
import Kafka
import Mesh
import Postgres
import PresenceAPI
import ProfilesAPI
import Telemetry
import TestKit

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
  /// How many minutes ago the population was as active as it is.
  private(set) var age = 0
  /// The last member of whom presence has told.
  private var told = MemberID(UniqueID(high: 0, low: 0))
  private let broker: BrokerServer
  private let postgres: PostgresServer
  private let database: Database
  private let service: ServerProcess
  private let gateway: Asker
  private let keeper: Asker
  private let producer: Producer
  /// Somebody who knows nobody, and somebody with many contacts.
  private let (loner, sociable) = (MemberID(at: .now), MemberID(at: .now))

  /// Page costs are what the service sets while it searches.
  private static let settings = [
    "shared_buffers = '1GB'", "random_page_cost = 0.02", "seq_page_cost = 0.02", "plan_cache_mode = force_custom_plan",
  ]

  /// Keeps the population in `folder`, or nowhere.
  init(folder: String?) async throws {
    broker = try BrokerServer(arguments: [])
    postgres = try await PostgresServer(folder: folder)
    for setting in Self.settings { try await postgres.run("alter system set \(setting)") }
    try await postgres.run("create schema if not exists discovery")
    try await postgres.process.stop()
    try await postgres.process.start()
    let url = postgres.url(searchPath: "discovery")
    var configuration = Database.Configuration(url: url, applicationName: "bench")
    // Some statements look at everybody.
    (configuration.statementTimeout, configuration.queryTimeout) = (.seconds(600), .seconds(600))
    database = Database(configuration)
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
    let kafka = try KafkaConfiguration(brokers: broker.address, clientID: "bench")
    let admin = try Admin(kafka)
    try await admin.waitUntilReady(within: .seconds(10))
    let services = ["identity", "messaging", "presence", "profiles"]
    _ = try await admin.createTopics(MeshTopics.common + services.flatMap { MeshTopics.own(of: $0) })
    admin.close()
    try await service.start()
    let ring = KeyRing(current: 1, keys: [1: root])
    gateway = try Asker(kafka, keys: .root(ring), log: .disabled, metrics: Metrics())
    keeper = try Asker(
      kafka, keys: .service("operator", asking: ["profiles"], root: ring), log: .disabled, metrics: Metrics())
    producer = try Producer(kafka)
    try await gateway.start()
    try await keeper.start()
  }

  func end() async {
    await gateway.close()
    await keeper.close()
    try? await producer.close(within: .seconds(1))
    database.close()
    try? await service.stop()
    try? await postgres.process.stop()
    broker.stop()
  }

  // MARK: The population

  /// Has the service make so many members, as far as they are not there; returns how many are new.
  func load(_ members: Int, seed: Int) async throws -> Int {
    let known: Int = try await database.query("select count(*)::integer from profiles")[0].decode(column: 0)
    guard known <= members else { throw BenchFailure("\(known) members are kept here, more than are wanted") }
    // An index on very many words of each is made sooner than kept.
    let index: String = try await database.query(
      "select indexdef from pg_indexes where schemaname = 'discovery' and indexname = 'listings_by_content'")[0]
      .decode(column: 0)
    if known < members { try await database.query("drop index listings_by_content") }
    // Batches are made whole or not at all.
    for first in stride(from: known / 1000 * 1000, to: members, by: 1000) where known < members {
      let request = MakeMembers(
        seed: seed, first: try PopulationNumber(first), count: try BatchSize(min(1000, members - first)))
      _ = try await ask(request, of: keeper, as: .service("operator", member: nil))
      if first % 100_000 == 0 { BenchProgram.say("\(first) of \(members) members") }
    }
    if known < members {
      try await postgres.run("set maintenance_work_mem = '512MB'; \(index)")
      for table in ["listings", "presences", "profiles", "member_skills"] {
        try await postgres.run("vacuum (analyze) discovery.\(table)")
      }
    }
    // Nobody confirms what made-up members do; so it holds for ever.
    try await database.query(
      "update presences set lapses_at = '2100-01-01' where status <> 'offline' and lapses_at < '2100-01-01'")
    let seconds = try await database.query("select extract(epoch from now() - max(active_at))::integer from presences")
    age = max(0, try seconds[0].decode(column: 0)) / 60
    try await database.query(
      """
      insert into participants (conversation_id, member_id)
      select conversation, unnest(array[member_id, \(sociable)]) from (
        select gen_random_uuid() conversation, member_id from listings order by member_id desc limit 300) contact
      """)
    return members - known
  }

  /// What a member offers and says, as a search asks for it.
  struct Drawn {
    let skill: String
    let category: String
    let place: String
    let language: String
    let word: String
  }

  /// What a thousand of those who teach have: what is common is drawn more often. The same each time.
  func draw() async throws -> [Drawn] {
    func one(_ of: SQL, _ prefix: SQL) -> SQL {
      "(select x from unnest(\(of)) x where x ~ \(prefix) order by md5(x || l.member_id) limit 1)"
    }
    return try await database.query(
      """
      select * from (
        select \(one("l.terms", "'^skill:[^:]+$'")), \(one("l.terms", "'^category:[^:]+$'")),
          \(one("l.terms", "'^place:'")), \(one("l.terms", "'^language:[^-]+$'")),
          \(one("tsvector_to_array(l.document)", "'^[a-z]+$'"))
        from listings l where l.terms @> '{provider}' order by md5(l.member_id::text) limit 1500
      ) drawn (skill, category, place, language, word)
      where skill is not null and place is not null and language is not null and word is not null limit 1000
      """
    ).map { row in
      let (skill, category, place, language, word) = try row.decode(
        String.self, String.self, String.self, String.self, String.self)
      return Drawn(
        skill: String(skill.dropFirst(6)), category: String(category.dropFirst(9)), place: place, language: language,
        word: word)
    }
  }

  /// All skills, the most often offered first, each with its share of members in words.
  func skillsByUse() async throws -> [(slug: String, share: String)] {
    try await database.query(
      """
      select substr(term, 7), round(100.0 * count(*) / (select count(*) from listings), 1) || ' %'
      from listings, unnest(terms) term where term ~ '^skill:[^:]+$' group by term order by count(*) desc
      """
    ).decode(String.self, String.self).map { (slug: $0, share: $1) }
  }

  // MARK: Searching

  /// Through topic and service; returns where the next page begins.
  @discardableResult
  func search(_ search: Search) async throws -> String? {
    let viewer = search.isSociable ? sociable : loner
    let caller = Caller.member(viewer, role: .member, session: AuthSessionID(at: .now))
    let answer = try await ask(SearchMembers(), of: gateway, as: caller, query: search.query)
    return try JSONDecoder().decode(Next.self, from: Data(answer.body)).nextCursor
  }

  private struct Next: Decodable { let nextCursor: String? }

  /// The statement alone, as it is without rights and contacts: the ids of twenty.
  func searchBare(_ search: Search) async throws {
    var conditions: SQL = "l.listed_to = 'everyone'"
    if !search.terms.isEmpty { conditions += " and l.terms @> \(search.terms)" }
    if let word = search.word { conditions += " and l.document @@ websearch_to_tsquery('english', \(word))" }
    if search.isOffline { conditions += " and not l.terms && '{status:online,status:away,status:busy}'" }
    if let page = search.page {
      conditions += " and (l.standing, l.member_id) < (\(page.standing), \(page.member)::uuid)"
    }
    if let minutes = search.minutes {
      conditions += """
         and exists (select from presences p where p.member_id = l.member_id and p.visible_to = 'everyone'
          and p.active_at >= now() - make_interval(mins => \(minutes)::integer))
        """
    }
    let (join, order): (SQL, SQL) =
      switch search.order {
      case .best: ("", "l.standing desc, l.member_id desc")
      case .rating: ("", "l.rating desc, l.member_id desc")
      case .newest: ("", "l.member_id desc")
      case .name: ("", "l.sort_name, l.member_id")
      case .active:
        (
          "join presences p on p.member_id = l.member_id and p.visible_to = 'everyone'",
          "p.active_at desc, p.member_id desc"
        )
      }
    try await database.query(
      "select l.member_id from listings l \(join) where \(conditions) order by \(order) limit 21")
  }

  /// The first hundred pages of each search but the first one.
  func pages(of searches: [Search]) async throws -> [Search] {
    var pages: [Search] = []
    for search in searches {
      var search = search
      for _ in 0..<100 {
        guard let cursor = try await self.search(search) else { break }
        search.page = try Self.page(cursor)
        pages.append(search)
      }
    }
    return pages.sorted { $0.page!.cursor.hashValue < $1.page!.cursor.hashValue }
  }

  private static func page(_ cursor: String) throws -> Search.Page {
    struct Parts: Decodable {
      let number: Int
      let member: String
    }
    let parts = try JSONDecoder().decode(Parts.self, from: Data(Base64URL.decode(cursor) ?? []))
    return Search.Page(cursor: cursor, standing: parts.number, member: parts.member)
  }

  // MARK: What presence tells

  /// Has presence tell another status of so many members; returns how long it is until they are found by it.
  func timeUntilFound(_ count: Int) async throws -> Duration {
    let members = try await database.query(
      """
      select l.member_id, coalesce(i.version, 0) from listings l
        left join mesh_inbox i on i.source = 'presence' and i.subject = l.member_id
      where l.listed_to = 'everyone' and not l.terms @> '{status:busy}' and l.member_id > \(told)
      order by l.member_id limit \(count)
      """
    ).decode(MemberID.self, Int64.self)
    let start = ContinuousClock.now
    for (member, version) in members { try tell(member, version + 1) }
    let wanted = members.map(\.0)
    told = wanted.last ?? told
    while true {
      let found: Int = try await database.query(
        "select count(*)::integer from listings where member_id = any(\(wanted)) and terms @> '{status:busy}'")[0]
        .decode(column: 0)
      if found == wanted.count { return ContinuousClock.now - start }
      guard ContinuousClock.now - start < .seconds(60) else { throw BenchFailure("\(found) of \(count) were found") }
      try await Loop.sleep(for: .milliseconds(count == 1 ? 2 : 50))
    }
  }

  /// The next event of presence about a member (CloudEvents 1.0, Kafka protocol binding).
  private func tell(_ member: MemberID, _ version: Int64) throws {
    let now = Timestamp.now
    let fact = StatusChanged(
      PresenceFact(
        member: member, status: .busy, lastActive: now, visibleTo: .everyone, doNotDisturb: false,
        version: now.microseconds))
    let headers = [
      ("ce_specversion", "1.0"), ("ce_id", UniqueID(at: now).description), ("ce_type", StatusChanged.name),
      ("ce_source", "/presence"), ("ce_subject", "\(member)"), ("ce_time", now.description),
      ("ce_version", "\(version)"), ("content-type", "application/json"),
    ]
    try producer.send(
      to: producer.topic(MeshTopics.events(of: "presence")), key: Array("\(member)".utf8),
      value: Array(JSONEncoder().encode(fact)), headers: headers.map { KafkaHeader($0, $1) })
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
