import EventLoop
import Glibc
import Redis
import TestKit
import Testing

@Suite struct RedisSubscriberTests {
  @Loop final class Heard {
    var all: [RedisSubscriber.Event] = []
    /// Waits until `count` events have come.
    func wait(for count: Int) async throws {
      for _ in 0..<2000 where all.count < count { try await Loop.sleep(for: .milliseconds(5)) }
    }
  }

  @Test @Loop func `messages are heard from the confirmation on, until the subscription ends`() async throws {
    let settings = try await configuration()
    let (redis, heard) = (RedisClient(settings), Heard())
    let subscriber = RedisSubscriber(settings) { heard.all.append($0) }
    defer {
      redis.close()
      subscriber.close()
    }
    try await redis.send("PUBLISH first:a early")
    try await subscriber.subscribe("first:a")
    try await subscriber.subscribe("first:a")
    try await subscriber.subscribe(pattern: "first:*")
    try await subscriber.subscribe(shard: "first:s")
    try await redis.send("PUBLISH first:a \([0, 255] as [UInt8])")
    try await redis.send("SPUBLISH first:s \("")")
    try await heard.wait(for: 3)
    subscriber.unsubscribe("first:a")
    subscriber.unsubscribe(pattern: "first:*")
    subscriber.unsubscribe(shard: "first:s")
    try await subscriber.subscribe("first:b")
    try await redis.send("PUBLISH first:a late")
    try await redis.send("PUBLISH first:b last")
    try await heard.wait(for: 4)
    #expect(
      heard.all == [
        .message(channel: "first:a", payload: [0, 255]),
        .patternMessage(pattern: "first:*", channel: "first:a", payload: [0, 255]),
        .message(channel: "first:s", payload: []), .message(channel: "first:b", payload: Array("last".utf8)),
      ])
  }

  @Test @Loop func `a subscription that is ended and made again at once stands in the end`() async throws {
    let settings = try await configuration()
    let (redis, heard) = (RedisClient(settings), Heard())
    let subscriber = RedisSubscriber(settings) { heard.all.append($0) }
    defer {
      redis.close()
      subscriber.close()
    }
    try await subscriber.subscribe("again:other")
    let first = Task { @Loop in try await subscriber.subscribe("again") }
    let second = Task { @Loop in
      subscriber.unsubscribe("again")
      try await subscriber.subscribe("again")
      return try await redis.send("PUBLISH again heard").decode(Int.self)
    }
    await #expect(throws: RedisError.self) { try await first.value }
    #expect(try await second.value == 1)
    try await heard.wait(for: 1)
    #expect(heard.all == [.message(channel: "again", payload: Array("heard".utf8))])
  }

  @Test @Loop func `after a restart everything is subscribed again, and the gap is said`() async throws {
    let server = try await RedisServer()
    let settings = try await configuration(of: server) { $0.timeout = .seconds(30) }
    let (redis, heard) = (RedisClient(settings), Heard())
    let subscriber = RedisSubscriber(settings) { heard.all.append($0) }
    defer {
      redis.close()
      subscriber.close()
    }
    let tasks = (0..<2500).map { number in Task { @Loop in try await subscriber.subscribe("c\(number)") } }
    for task in tasks { try await task.value }
    try await subscriber.subscribe(pattern: "p*")
    try await server.process.kill()
    try await Loop.sleep(for: .milliseconds(20))
    let meanwhile = Task { @Loop in try await subscriber.subscribe("new") }
    subscriber.unsubscribe("c0")
    try await server.process.start()
    try await meanwhile.value
    try await heard.wait(for: 2)
    #expect(heard.all == [.lost, .gap])
    for (channel, listeners) in [("c0", 0), ("c1", 1), ("c2499", 1), ("new", 1), ("pattern", 1)] {
      #expect(try await redis.send("PUBLISH \(channel) x").decode(Int.self) == listeners, "\(channel)")
    }
    try await heard.wait(for: 6)
    #expect(heard.all.count == 6)
  }

  @Test @Loop func `a server that hangs is noticed, also when nothing is subscribed`() async throws {
    let server = try await RedisServer()
    let settings = try await configuration(of: server) { $0.timeout = .milliseconds(300) }
    let (redis, heard) = (RedisClient(settings), Heard())
    let subscriber = RedisSubscriber(settings) { heard.all.append($0) }
    defer {
      redis.close()
      subscriber.close()
    }
    try await subscriber.subscribe("quiet")
    // Silence alone is no break: the probes are answered.
    try await Loop.sleep(for: .milliseconds(1000))
    subscriber.unsubscribe("quiet")
    try await Loop.sleep(for: .milliseconds(1000))
    try await subscriber.subscribe("quiet")
    #expect(heard.all == [])
    let pid = try await redis.send("INFO server").decode(String.self).split(separator: "\r\n")
      .compactMap { $0.hasPrefix("process_id:") ? pid_t($0.dropFirst(11)) : nil }.first
    let stopped = try #require(pid)
    #expect(kill(stopped, SIGSTOP) == 0)
    try await Loop.sleep(for: .milliseconds(1000))
    #expect(kill(stopped, SIGCONT) == 0)
    try await heard.wait(for: 2)
    #expect(heard.all == [.lost, .gap])
  }
}
