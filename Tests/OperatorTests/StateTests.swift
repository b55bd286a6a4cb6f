import EventLoop
import Foundation
import Testing

@testable import Operator

@Suite struct StateTests {
  private func withFolder(_ body: (MeshFolder) throws -> Void) throws {
    let folder = MeshFolder(FileManager.default.temporaryDirectory.appending(path: "mesh-\(UUID().uuidString)").path)
    defer { try? FileManager.default.removeItem(atPath: folder.path) }
    try folder.create()
    try body(folder)
  }

  @Test func `ports are remembered, and chosen anew where somebody has taken one`() throws {
    try withFolder { folder in
      #expect(Ports.load(folder) == nil)
      let gateway = try freePort()
      let first = try Ports.choose(folder, gateway: gateway).ports
      #expect(first.gateway == gateway)
      #expect(Ports.load(folder) == first)
      #expect(try Ports.choose(folder, gateway: nil).ports == first)

      let intruder = try listen(on: first.kafka)
      defer { close(intruder) }
      let second = try Ports.choose(folder, gateway: nil).ports
      #expect(second.kafka > first.kafka)
      #expect((second.gateway, second.postgres) == (first.gateway, first.postgres))
    }
  }

  @Test func `a gateway port that is in use is refused, never changed`() throws {
    try withFolder { folder in
      let port = try freePort()
      let intruder = try listen(on: port)
      defer { close(intruder) }
      let failure = try #require(throws: Failure.self) { try Ports.choose(folder, gateway: port) }
      #expect(failure.problem == "port \(port) of 127.0.0.1, which the gateway needs, is in use by another program")
      #expect(Ports.load(folder) == nil)
    }
  }

  @Test func `two clones that start at the same time choose different ports`() throws {
    try withFolder { one in
      try withFolder { other in
        let first = try Ports.choose(one, gateway: try freePort())
        let second = try Ports.choose(other, gateway: try freePort())
        withExtendedLifetime((first.reservations, second.reservations)) {
          let all = [first.ports, second.ports].flatMap { [$0.gateway, $0.kafka, $0.redis, $0.postgres] }
          #expect(Set(all).count == 8)
          #expect(throws: Failure.self) { try Ports.choose(other, gateway: first.ports.gateway) }
        }
      }
    }
  }

  private func freePort() throws -> UInt16 {
    try #require(PortReservation.firstFree(from: .random(in: 18_000..<24_000), 400)).port
  }

  private func listen(on port: UInt16) throws -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    // As servers do, so that connections that ended a moment ago do not count.
    var on: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let status = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    try #require(status == 0 && Glibc.listen(descriptor, 1) == 0)
    return descriptor
  }

  @Test func `a secret is made up once and is its owner's alone`() throws {
    try withFolder { folder in
      let secrets = Secrets(folder)
      #expect(!secrets.has("redis"))
      let made = try secrets.secret("redis")
      #expect(made.count == 64)
      #expect(made.filter(\.isHexDigit) == made)
      #expect(try Secrets(folder).secret("redis") == made)
      #expect(try secrets.secret("postgres") != made)
      let attributes = try FileManager.default.attributesOfItem(atPath: "\(folder.secrets)/redis")
      #expect(attributes[.posixPermissions] as? Int == 0o600)
    }
  }

  @Test @Loop func `a recorded process is found as long as it lives, and not mistaken for a later one`() async throws {
    let folder = MeshFolder(FileManager.default.temporaryDirectory.appending(path: "mesh-\(UUID().uuidString)").path)
    defer { try? FileManager.default.removeItem(atPath: folder.path) }
    try folder.create()
    let child = try ChildProcess("sleep", ["600"], environment: [:])
    let table = ProcessTable(folder)
    table.add("sleeper", child.pid)
    #expect(ProcessTable(folder).running == ["sleeper"])

    // The same number with another beginning is somebody else's process, and is left alone.
    let other = [ProcessTable.Entry(name: "sleeper", pid: child.pid, began: 1)]
    try replaceFile(folder.processes, with: JSONEncoder().encode(other))
    #expect(ProcessTable(folder).running == [])
    #expect(await ProcessTable(folder).endAll(grace: .seconds(5)) == [])
    #expect(child.exit == nil)

    table.add("again", child.pid)
    #expect(await ProcessTable(folder).endAll(grace: .seconds(5)) == ["again"])
    #expect(await child.waitUntilEnded() == .signal(SIGTERM))
    #expect(ProcessTable(folder).entries == [])
  }

  @Test @Loop func `the locks of a dead PostgreSQL are removed, and those of a living one are not`() async throws {
    let data = FileManager.default.temporaryDirectory.appending(path: "data-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: data) }
    try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: false)
    // A number that belongs to some other process by now.
    let locks = ["\(data)/postmaster.pid", "\(data)/.s.PGSQL.25432.lock"]
    for lock in locks { try Data("\(getpid())\n".utf8).write(to: URL(fileURLWithPath: lock)) }
    let server = try ChildProcess("sh", ["-c", "cd \(data) && exec sleep 600"], environment: ["PATH": "/usr/bin:/bin"])
    while !ProcessFacts.isAnyone(in: data) { try await Loop.sleep(for: .milliseconds(5)) }
    await PostgresCluster.clearAway(data, within: .milliseconds(50))
    #expect(locks.allSatisfy { access($0, F_OK) == 0 })

    server.signal(SIGKILL)
    await PostgresCluster.clearAway(data, within: .seconds(30))
    #expect(locks.allSatisfy { access($0, F_OK) != 0 })
    _ = await server.waitUntilEnded()
  }

  @Test @Loop func `a log takes what is written, and puts a full file aside`() async throws {
    let folder = MeshFolder(FileManager.default.temporaryDirectory.appending(path: "mesh-\(UUID().uuidString)").path)
    defer { try? FileManager.default.removeItem(atPath: folder.path) }
    try folder.create()
    let log = try LogFile(folder.log(of: "noise"))
    defer { log.close() }
    let script =
      "i=0; while [ $i -lt 36 ]; do head -c 1000000 /dev/zero | tr '\\0' x; i=$((i+1)); done; echo; echo the end"
    let child = try ChildProcess("sh", ["-c", script], environment: ["PATH": "/usr/bin:/bin"], output: log.input)
    #expect(await child.waitUntilEnded() == .status(0))
    for _ in 0..<20 { _ = log.tail(0) }
    #expect(log.tail(1) == ["the end"])
    let sizes = try ["", ".1"].map {
      try FileManager.default.attributesOfItem(atPath: folder.log(of: "noise") + $0)[.size] as? Int ?? 0
    }
    #expect(sizes.allSatisfy { $0 < (17 << 20) })
    #expect(sizes[1] > (16 << 20))
  }
}
