import EventLoop
import Glibc
import Redis
import TestKit
import Testing

/// What connects to `server`, or to the one that the tests share.
@Loop func configuration(
  of server: RedisServer? = nil, _ change: (inout RedisConfiguration) -> Void = { _ in }
) async throws -> RedisConfiguration {
  let server = if let server { server } else { try await RedisServer.shared() }
  var configuration = try RedisConfiguration(url: server.url(), clientName: "tests")
  configuration.timeout = .seconds(10)
  change(&configuration)
  return configuration
}

@Suite struct RedisClientTests {
  @Test @Loop func `values of any bytes come back as they went`() async throws {
    let redis = RedisClient(try await configuration())
    defer { redis.close() }
    for value: [UInt8] in [[], [0, 13, 10, 255, 32], Array(repeating: 42, count: 20 << 20)] {
      #expect(try await redis.send("SET values:\(7) \(value)") == .status("OK"))
      #expect(try await redis.send("GET values:7").decode([UInt8].self) == value)
    }
    #expect(try await redis.send("GET values:absent") == .null)
    #expect(try await redis.send("GET values:absent").decode(String?.self) == nil)
  }

  @Test @Loop func `answers are read as the types they hold`() async throws {
    let redis = RedisClient(try await configuration())
    defer { redis.close() }
    #expect(try await redis.send("INCRBY types:n \(-5)").decode(Int.self) == -5)
    #expect(try await redis.send("GET types:n").decode(Int64.self) == -5)
    #expect(try await redis.send("EXISTS types:n").decode(Bool.self) == true)
    try await redis.send("HSET types:h \(["a", "1", "b c", "2"])")
    #expect(try await redis.send("HGETALL types:h").decode([String: Int].self) == ["a": 1, "b c": 2])
    try await redis.send("RPUSH types:l \(["x", "", "z"])")
    #expect(try await redis.send("LRANGE types:l 0 -1").decode([String].self) == ["x", "", "z"])
    #expect(try await redis.send("MGET types:n types:absent").decode([Int?].self) == [-5, nil])
    try await redis.send("ZADD types:z \(1.5) m")
    #expect(try await redis.send("ZSCORE types:z m").decode(Double.self) == 1.5)
    let error = await #expect(throws: RedisError.self) { try await redis.send("LRANGE types:l 0 0").decode(Int.self) }
    #expect(error?.kind == .decoding)
    #expect(error?.message == "an answer of Redis is an array, not readable as Int")
  }

  @Test @Loop func `a refused command gives Redis's code and leaves the connection alone`() async throws {
    let redis = RedisClient(try await configuration())
    defer { redis.close() }
    try await redis.send("SET refused text")
    let error = await #expect(throws: RedisError.self) { try await redis.send("LPUSH refused secret") }
    #expect(error?.kind == .server)
    #expect(error?.code == "WRONGTYPE")
    #expect(error?.command == "LPUSH")
    #expect(error?.description.contains("secret") == false)
    let values = try await redis.send(["GET refused", "INCR refused", "STRLEN refused"])
    #expect(values.count == 3)
    #expect(values[0] == .bytes(Array("text".utf8)))
    #expect(values[1] == .error("ERR value is not an integer or out of range"))
    #expect(values[2] == .integer(4))
    #expect(throws: RedisError.self) { try values[1].decode(Int.self) }
  }

  @Test @Loop func `many commands at once each get their own answer, in order`() async throws {
    let redis = RedisClient(try await configuration())
    defer { redis.close() }
    try await redis.send("DEL order")
    let tasks = (1...5000).map { number in
      Task { @Loop in (number, try await redis.send("ECHO \(number)").decode(Int.self)) }
    }
    for task in tasks {
      let (asked, answered) = try await task.value
      #expect(asked == answered)
    }
  }

  @Test @Loop func `a script is sent once, and again when Redis has forgotten it`() async throws {
    let server = try await RedisServer()
    let redis = RedisClient(try await configuration(of: server))
    defer { redis.close() }
    let script = RedisScript("return {KEYS[1], KEYS[2], ARGV[1], redis.call('INCR', KEYS[1])}")
    for round in 1...3 {
      let answer = try await redis.run(script, keys: "{k}:n \("{k}:a b")", arguments: "\("x\0y")")
      #expect(try answer.decode([String].self) == ["{k}:n", "{k}:a b", "x\0y", "\(round)"])
      if round == 2 { try await server.run("SCRIPT", "FLUSH") }
    }
    let failing = RedisScript("return redis.error_reply('REFUSED for a reason')")
    let error = await #expect(throws: RedisError.self) { try await redis.run(failing) }
    #expect(error?.code == "REFUSED")
  }

  @Test @Loop func `more commands or bytes than may be under way are refused`() async throws {
    let redis = RedisClient(try await configuration { $0.maxInFlight = 10 })
    defer { redis.close() }
    try await redis.send("PING")
    let tasks = (0..<25).map { number in Task { @Loop in try await redis.send("ECHO \(number)") } }
    var refused = 0
    for task in tasks {
      do { _ = try await task.value } catch let error as RedisError {
        #expect(error.kind == .overloaded)
        refused += 1
      }
    }
    #expect(refused == 15)
    let narrow = RedisClient(try await configuration { $0.maxBytesInFlight = 1000 })
    defer { narrow.close() }
    try await narrow.send("PING")
    let large = [UInt8](repeating: 1, count: 2000)
    let first = Task { @Loop in try await narrow.send("ECHO \(large)").decode([UInt8].self) }
    let second = Task { @Loop in try await narrow.send("PING") }
    #expect(try await first.value == large)
    let error = await #expect(throws: RedisError.self) { try await second.value }
    #expect(error?.kind == .overloaded)
  }

  @Test @Loop func `a cancelled task stops waiting, and the answers of the others stay their own`() async throws {
    let redis = RedisClient(try await configuration())
    defer { redis.close() }
    try await redis.send("PING")
    let cancelled = Task { @Loop in try await redis.send("ECHO 1") }
    let other = Task { @Loop in try await redis.send("ECHO 2").decode(Int.self) }
    cancelled.cancel()
    _ = try? await cancelled.value
    #expect(try await other.value == 2)
  }

  @Test @Loop func `a server that hangs: commands run out of time, then the connection is given up`() async throws {
    let server = try await RedisServer()
    let redis = RedisClient(try await configuration(of: server) { $0.timeout = .milliseconds(400) })
    defer { redis.close() }
    let pid = try await redis.send("INFO server").decode(String.self).split(separator: "\r\n")
      .compactMap { $0.hasPrefix("process_id:") ? pid_t($0.dropFirst(11)) : nil }.first
    let stopped = try #require(pid)
    #expect(kill(stopped, SIGSTOP) == 0)
    let first = Task { @Loop in try await redis.send("INCR hang") }
    let second = Task { @Loop in try await redis.send("INCR hang") }
    for task in [first, second] {
      let error = await #expect(throws: RedisError.self) { try await task.value }
      #expect(error?.kind == .timeout)
    }
    #expect(kill(stopped, SIGCONT) == 0)
    // The late answers go to nobody.
    try await Loop.sleep(for: .milliseconds(20))
    #expect(try await redis.send("ECHO 5").decode(Int.self) == 5)
    #expect(kill(stopped, SIGSTOP) == 0)
    let third = Task { @Loop in try await redis.send("PING") }
    let error = await #expect(throws: RedisError.self) { try await third.value }
    #expect(error?.kind == .timeout)
    try await Loop.sleep(for: .milliseconds(600))
    let later = await #expect(throws: RedisError.self) { try await redis.send("PING") }
    #expect(later?.kind == .unavailable)
    #expect(kill(stopped, SIGCONT) == 0)
  }

  @Test @Loop func `a restart fails what is under way; what comes meanwhile waits and is answered`() async throws {
    let server = try await RedisServer()
    let redis = RedisClient(try await configuration(of: server) { $0.timeout = .seconds(30) })
    defer { redis.close() }
    for round in 0..<2 {
      try await redis.send("SET key value")
      let blocked = Task { @Loop in try await redis.send("BLPOP nothing 60") }
      try await Loop.sleep(for: .milliseconds(20))
      if round == 0 { try await server.process.kill() } else { try await server.process.stop() }
      if round == 0 {
        let error = await #expect(throws: RedisError.self) { try await blocked.value }
        #expect(error?.kind == .connectionLost)
      } else {
        _ = try? await blocked.value
      }
      let early = Task { @Loop in try await redis.send("EXISTS key").decode(Int.self) }
      try await Loop.sleep(for: .milliseconds(100))
      try await server.process.start()
      #expect(try await early.value == 0)
    }
  }

  @Test @Loop func `a connection that Redis closes is made anew`() async throws {
    let redis = RedisClient(try await configuration { $0.clientName = "to-be-killed" })
    defer { redis.close() }
    let first = try await redis.send("CLIENT ID").decode(Int.self)
    try await RedisServer.shared().run("CLIENT", "KILL", "ID", "\(first)")
    // The command may meet the dying connection.
    _ = try? await redis.send("PING")
    #expect(try await redis.send("CLIENT ID").decode(Int.self) != first)
    #expect(try await redis.send("CLIENT GETNAME").decode(String.self) == "to-be-killed")
  }

  @Test @Loop func `without a server commands fail in time and say why`() async throws {
    var nowhere = try RedisConfiguration(url: "redis://127.0.0.1:1", clientName: "tests")
    nowhere.timeout = .milliseconds(150)
    let redis = RedisClient(nowhere)
    defer { redis.close() }
    let error = await #expect(throws: RedisError.self) { try await redis.send("PING") }
    #expect(error?.kind == .unavailable)
    #expect(error?.message == "Redis at 127.0.0.1:1: cannot connect to 127.0.0.1:1: Connection refused")
  }

  @Test @Loop func `user, password and database of the URL are used, and a wrong password is said`() async throws {
    let server = try await RedisServer(password: "secret")
    let owner = RedisClient(
      try RedisConfiguration(url: "redis://:secret@127.0.0.1:\(server.port)", clientName: "tests"))
    try await owner.send("ACL SETUSER al%ice on >p@ss/word ~* &* +@all")
    let alice = RedisClient(
      try RedisConfiguration(url: "redis://al%25ice:p%40ss%2Fword@127.0.0.1:\(server.port)/3", clientName: "tests"))
    var wrong = try RedisConfiguration(url: "redis://:wrong@127.0.0.1:\(server.port)", clientName: "tests")
    wrong.timeout = .milliseconds(300)
    let refused = RedisClient(wrong)
    defer { for client in [owner, alice, refused] { client.close() } }
    #expect(try await alice.send("ACL WHOAMI").decode(String.self) == "al%ice")
    #expect(try await alice.send("CLIENT INFO").decode(String.self).contains(" db=3 "))
    let error = await #expect(throws: RedisError.self) { try await refused.send("PING") }
    #expect(error?.kind == .unavailable)
    #expect(error?.message.contains("WRONGPASS") == true)
  }

  @Test(arguments: [
    "http://localhost", "rediss://localhost", "redis://", "redis://host:port", "redis://host/one", "redis://pass@host",
    "redis://a:%zz@host",
  ])
  func `a URL that cannot be used is refused`(url: String) {
    let error = #expect(throws: RedisError.self) { try RedisConfiguration(url: url, clientName: "tests") }
    #expect(error?.kind == .invalid)
  }

  @Test func `URLs name host, port and database`() throws {
    let plain = try RedisConfiguration(url: "redis://cache.internal", clientName: "tests")
    #expect((plain.host, plain.port, plain.database) == ("cache.internal", 6379, 0))
    let six = try RedisConfiguration(url: "redis://:secret@[::1]:7000/2", clientName: "tests")
    #expect((six.host, six.port, six.database) == ("::1", 7000, 2))
    #expect(six.username == nil && six.password == "secret")
  }
}
