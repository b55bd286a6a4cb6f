import EventLoop
import Foundation
import Kafka
import Testing

@testable import Operator

/// A folder of its own in which the built `mesh` is run, as `./mesh` does in a clone.
@Loop private final class Clone {
  let path: String
  private static let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    .deletingLastPathComponent().appending(path: "mesh").path

  init() throws {
    path = FileManager.default.temporaryDirectory.appending(path: "clone-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    // PostgreSQL's user must get through when the tests run as root.
    chmod(path, 0o755)
  }

  /// Runs a command and returns its exit status and output.
  func mesh(_ arguments: String...) async throws -> (status: CInt, output: String) {
    var text: [UInt8] = []
    let pipe = try OutputPipe { text += $0 }
    defer { pipe.close() }
    let child = try ChildProcess(
      "env", ["--chdir", path, Self.program] + arguments, environment: inherited, output: pipe.input)
    let exit = await child.end(asking: 0, grace: .seconds(60))
    pipe.drain()
    let output = String(decoding: text, as: UTF8.self)
    guard case .status(let status) = exit else {
      Issue.record("mesh \(arguments) ended with \(exit): \(output)")
      return (-1, output)
    }
    return (status, output)
  }

  func status() async throws -> MeshStatus {
    let (_, output) = try await mesh("status", "--json")
    return try JSONDecoder().decode(MeshStatus.self, from: Data(output.utf8))
  }

  /// Waits until the status is as wanted.
  func wait(for condition: (MeshStatus) -> Bool) async throws -> MeshStatus {
    var last = try await status()
    for _ in 0..<200 where !condition(last) {
      try await Loop.sleep(for: .milliseconds(50))
      last = try await status()
    }
    try #require(condition(last), "gave up after 10 s")
    return last
  }

  func isReady() async throws -> MeshStatus { try await wait { $0.isReady } }

  /// What the supervisor has written down as running.
  var processes: [pid_t] { ProcessTable(MeshFolder("\(path)/.mesh")).entries.map(\.pid) }

  /// Lets `body` use so many clones, and leaves nothing of them behind, also when it throws.
  static func with(_ count: Int, _ body: @Loop ([Clone]) async throws -> Void) async throws {
    let clones = try (0..<count).map { _ in try Clone() }
    let result: Result<Void, any Error>
    do { result = .success(try await body(clones)) } catch { result = .failure(error) }
    for clone in clones {
      _ = try await clone.mesh("down")
      try FileManager.default.removeItem(atPath: clone.path)
    }
    try result.get()
  }
}

/// A port for a gateway. Looked for from a random place on, as other runs of these tests look for one too.
private func freePort() throws -> UInt16 {
  try #require(PortReservation.firstFree(from: .random(in: 18_000..<24_000), 400)).port
}

private func isAlive(_ pid: pid_t) -> Bool { ProcessFacts.began(pid) != nil }

extension MeshStatus {
  fileprivate var broker: Replica? { services.first { $0.service == "broker" } }
}

/// The built program from end to end, with all services.
@Suite(.serialized) struct MeshTests {
  @Test @Loop func `everything starts, heals, scales and ends`() async throws {
    try await Clone.with(1) { clones in try await self.live(in: clones[0]) }
  }

  @Loop private func live(in clone: Clone) async throws {
    let port = try freePort()

    #expect(try await clone.mesh("status").status == ExitCode.notRunning)
    #expect(try await clone.mesh("dead").status == ExitCode.notRunning)
    #expect(try await clone.mesh("admin", "restore", "me@example.org").status == ExitCode.notRunning)
    #expect(try await clone.mesh("down") == (0, "Nothing runs from this folder.\n"))
    let up = try await clone.mesh("up", "--detach", "--port", String(port))
    #expect(up.status == 0, "\(up.output)")
    #expect(up.output.contains("Everything is ready after"))
    #expect(try await clone.mesh("status").status == 0)
    let first = try await clone.status()
    let broker = try #require(first.broker)
    #expect(broker.ready && broker.replica == 0)
    #expect((broker.rssAnonBytes ?? 0) > 100_000)
    #expect(broker.opsUrl?.hasPrefix("http://127.0.0.1:") == true)
    let processes = clone.processes
    #expect(Set(processes).isSuperset(of: [broker.pid, first.postgres.pid, first.redis.pid].compactMap(\.self)))

    // `up` again is harmless.
    let again = try await clone.mesh("up", "--detach")
    #expect(again.status == 0)
    #expect(again.output.hasPrefix("It is up already."))
    #expect(try await clone.status().broker?.pid == broker.pid)

    // What `env` prints is true.
    let environment = try await clone.mesh("env").output
    #expect(environment.contains("export GATEWAY_URL='http://127.0.0.1:\(port)'\n"))
    let database = try await shell(environment, #"psql "$DATABASE_URL" -Atc 'select current_user, current_database()'"#)
    #expect(database == "postgres|skillmesh\n")
    #expect(try await shell(environment, #"redis-cli -u "$REDIS_URL" --no-auth-warning ping"#) == "PONG\n")
    let metadata = try await shell(environment, #"kcat -b "$KAFKA_BROKERS" -L"#)
    #expect(metadata.contains("1 brokers:"))

    // What is written and not yet read shows in `topics`.
    let ports = try #require(Ports.load(MeshFolder("\(clone.path)/.mesh")))
    let admin = try Admin(KafkaConfiguration(brokers: "127.0.0.1:\(ports.kafka)", clientID: "test"))
    _ = try await admin.createTopics([Admin.NewTopic("greetings", partitions: 2)])
    let write = #"kcat -b "$KAFKA_BROKERS" -P -t greetings -p 1"#
    _ = try await shell(environment, "printf 'a\\nb\\n' | \(write)")
    let reading = #"kcat -b "$KAFKA_BROKERS" -q -X auto.offset.reset=earliest -G readers -c 2 greetings"#
    #expect(try await shell(environment, "timeout 20 \(reading) 2>/dev/null") == "a\nb\n")
    _ = try await shell(environment, "printf 'c\\n' | \(write)")
    admin.close()
    let topics = try await clone.mesh("topics").output.split(separator: "\n").map { $0.split(separator: " ") }
    #expect(topics.first == ["TOPIC", "PARTITIONS", "MESSAGES", "BEHIND"])
    #expect(topics.first { $0.first == "greetings" } == ["greetings", "2", "3", "readers:", "1"])

    // A request passes through the gateway, a topic, identity and its database, and back.
    let member = #"{"email":"me@example.org","password":"correct horse battery","firstName":"A","lastName":"B"}"#
    let register = "curl -s $GATEWAY_URL/api/v1/auth/register -H 'content-type: application/json' -d '\(member)'"
    let answer = try await shell(environment, register)
    #expect(answer.contains(#""email":"me@example.org""#), "\(answer)")
    #expect(try await shell(environment, #"curl -s "$GATEWAY_URL/openapi.json""#).contains("/api/v1/auth/register"))

    // The operator makes a member, shuts them out and lets them in again.
    let login = "curl -s $GATEWAY_URL/api/v1/auth/login -H 'content-type: application/json' "
    let new = try await clone.mesh(
      "admin", "create", "--email", "boss@example.org", "--first-name", "A", "--last-name", "B", "--role", "admin")
    let lines = new.output.split(separator: "\n")
    try #require(new.status == 0 && lines.count == 2 && lines[1].hasPrefix("password: "), "\(new.output)")
    let id = String(lines[0].prefix(36))
    #expect(lines[0] == "\(id) is admin")
    let credentials = #"-d '{"email":"boss@example.org","password":"\#(lines[1].dropFirst(10))"}'"#
    #expect(try await shell(environment, login + credentials).contains(#""role":"admin""#))
    #expect(
      try await clone.mesh("admin", "create", "--email", "me@example.org", "--first-name", "A", "--last-name", "B")
        == (1, "mesh: me@example.org is a member already (member); --role gives another role\n"))
    #expect(try await clone.mesh("admin", "suspend", "boss@example.org") == (0, "\(id) is shut out for good\n"))
    #expect(try await shell(environment, login + credentials).contains(#""status":403"#))
    #expect(try await clone.mesh("admin", "restore", id) == (0, "\(id) is let in\n"))
    #expect(try await shell(environment, login + credentials).contains(#""role":"admin""#))
    #expect(
      try await clone.mesh("admin", "restore", "nobody@example.org")
        == (1, "mesh: there is no member nobody@example.org\n"))

    let nobody = "01890a5d-ac96-774b-bcce-b302099a8057"
    #expect(try await clone.mesh("admin", "suspend", nobody) == (1, "mesh: There is no such member.\n"))

    // What a service could not handle is shown, and tried again when asked for.
    #expect(try await clone.mesh("dead") == (0, "Nothing is dead.\n"))
    let keepers = manifest.filter { $0.needs.contains(.database) }.map(\.name).sorted().joined(separator: ", ")
    #expect(try await clone.mesh("dead", "--json") == (0, "{\"events\":[],\"timers\":[]}\n"))
    #expect(
      try await clone.mesh("dead", "greeter")
        == (2, "mesh: there is no service 'greeter' that keeps events\nThere are: \(keepers).\n"))
    let park = """
      insert into identity.mesh_parked (source, subject, version, id, name, payload, occurred_at, reason)
      select 'a', '\(id)', version, '\(id)', 'a.b', '{}', now(), case version when 1 then 'no' end
      from generate_series(1, 3) version;
      insert into identity.mesh_timers (name, key, due_at, payload, attempts, reason)
      values ('nobody-fires', 'this one', now(), '{}', 10, 'late'), ('nobody-fires', 'another', now(), '{}', 10, 'late')
      """
    _ = try await shell(environment, #"psql "$DATABASE_URL" -qc "\#(park)""#)
    let dead = try await clone.mesh("dead").output.split(separator: "\n").map { $0.split(separator: " ") }
    #expect(dead.map(\.first) == ["SERVICE", "identity", "identity", "identity"])
    #expect(dead.map { $0.suffix(2) } == [["WAITING", "REASON"], ["2", "no"], ["0", "late"], ["0", "late"]])
    #expect(try await clone.mesh("dead", "identity").output.contains("  payload  {}\n"))
    #expect(
      try await clone.mesh("dead", "redrive", "identity", id)
        == (0, "identity: 1 event is tried again; see ./mesh dead identity\n"))
    #expect(
      try await clone.mesh("dead", "redrive", "identity", "this one")
        == (0, "identity: 1 timer is tried again; see ./mesh dead identity\n"))
    let redriven = "select key from identity.mesh_timers where reason is null and attempts = 0 and due_at <= now()"
    #expect(try await shell(environment, #"psql "$DATABASE_URL" -Atqc "\#(redriven)""#) == "this one\n")
    #expect(
      try await clone.mesh("dead", "redrive", "identity")
        == (0, "identity: 1 timer is tried again; see ./mesh dead identity\n"))
    #expect(try await clone.mesh("dead", "redrive", "identity") == (0, "identity: nothing is dead\n"))

    // Replicas come and go, one after the other, and the gateway goes on answering.
    #expect(try await clone.mesh("scale", "identity=2", "gateway=2").status == 0)
    let replicas = manifest.flatMap { service in
      (0..<(["identity", "gateway"].contains(service.name) ? 2 : 1)).map { "\(service.name).\($0)" }
    }
    #expect(try await clone.isReady().services.map { "\($0.service).\($0.replica)" } == replicas)
    let rolled = try await clone.mesh("roll").output.split(separator: "\n").map { $0.prefix { $0 != ":" } }
    #expect(rolled.map(String.init) == replicas.filter { $0 != "broker.0" })
    #expect(try await clone.mesh("scale", "identity=1", "gateway=1").status == 0)

    // What dies is started again.
    kill(try #require(broker.pid), SIGKILL)
    let healed = try await clone.wait { $0.isReady && $0.broker?.pid != broker.pid }
    #expect(healed.postgres == first.postgres)
    kill(try #require(healed.postgres.pid), SIGKILL)
    let healedAgain = try await clone.wait { $0.isReady && $0.postgres.pid != first.postgres.pid }
    #expect(healedAgain.broker?.pid == healed.broker?.pid)

    // Commands do what they say, and refuse what they cannot.
    #expect(try await clone.mesh("scale", "broker=0") == (0, "broker: 0 replicas\n"))
    #expect(try await clone.status().broker == nil)
    #expect(try await clone.mesh("scale", "broker=1") == (0, "broker: 1 replica\n"))
    #expect(
      try await clone.mesh("scale", "broker=2")
        == (2, "mesh: broker cannot have 2 replicas\nIt can have up to 1.\n"))
    let before = try await clone.isReady().broker?.pid
    #expect(try await clone.mesh("restart", "broker") == (0, "broker: restarted\n"))
    #expect(try await clone.isReady().broker?.pid != before)
    #expect(try await clone.mesh("logs", "broker", "--lines", "1").output.contains("broker"))

    let running = clone.processes
    let down = try await clone.mesh("down")
    #expect(down == (0, "Ending …\nEverything has ended.\n"))
    for pid in processes + running { #expect(!isAlive(pid)) }
    #expect(try await clone.mesh("status").status == ExitCode.notRunning)
  }

  @Test @Loop func `a second clone runs beside the first, and a killed supervisor leaves nothing in the way`()
    async throws
  {
    try await Clone.with(2) { clones in try await self.liveSideBySide(in: clones) }
  }

  @Loop private func liveSideBySide(in clones: [Clone]) async throws {
    let port = try freePort()
    let first = try await clones[0].mesh("up", "--detach", "--port", String(port))
    let second = try await clones[1].mesh("up", "--detach", "--port", String(try freePort()))
    #expect((first.status, second.status) == (0, 0), "\(first.output)\(second.output)")
    let ports = clones.compactMap { Ports.load(MeshFolder("\($0.path)/.mesh")) }
    #expect(Set(ports.flatMap { [$0.gateway, $0.kafka, $0.redis, $0.postgres] }).count == 8)

    let left = clones[0].processes
    kill(try #require(left.first), SIGKILL)
    #expect(try await clones[0].mesh("up", "--detach").status == 0)
    for pid in left { #expect(!isAlive(pid)) }
    #expect(try await clones[0].status().isReady)
    #expect(Ports.load(MeshFolder("\(clones[0].path)/.mesh")) == ports[0])
    #expect(try await clones[1].status().isReady)

    // A supervisor that hangs does not keep `down` from its work: it is continued so that it can do it itself.
    let hung = clones[0].processes
    kill(try #require(hung.first), SIGSTOP)
    #expect(try await clones[0].mesh("down").status == 0)
    for pid in hung { #expect(!isAlive(pid)) }
  }

  @Test @Loop func `a step that fails says which, why and what to do`() async throws {
    try await Clone.with(1) { clones in try await self.fail(in: clones[0]) }
  }

  @Loop private func fail(in clone: Clone) async throws {
    let port = try freePort()
    try FileManager.default.createDirectory(atPath: "\(clone.path)/.mesh/broker", withIntermediateDirectories: true)
    chmod("\(clone.path)/.mesh", 0o711)
    // The broker cannot make its folder where a file is.
    try FileManager.default.removeItem(atPath: "\(clone.path)/.mesh/broker")
    try "".write(toFile: "\(clone.path)/.mesh/broker", atomically: true, encoding: .utf8)
    let (status, output) = try await clone.mesh("up", "--detach", "--port", String(port))
    #expect(status == ExitCode.failed)
    #expect(output.contains("mesh: broker.0 ended with exit status 2, 3 times in a row; it wrote last:\n"))
    #expect(output.contains("The whole log is in .mesh/logs/broker.0.log"))
    #expect(clone.processes == [])
  }

  @Loop private func shell(_ environment: String, _ command: String) async throws -> String {
    var text: [UInt8] = []
    let pipe = try OutputPipe { text += $0 }
    defer { pipe.close() }
    let child = try ChildProcess("sh", ["-c", environment + command], environment: inherited, output: pipe.input)
    _ = await child.end(asking: 0, grace: .seconds(20))
    pipe.drain()
    return String(decoding: text, as: UTF8.self)
  }
}
