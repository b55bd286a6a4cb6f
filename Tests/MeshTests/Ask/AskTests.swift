import Contract
import Crypto
import EventLoop
import Kafka
import Telemetry
import TestKit
import Testing

@testable import Mesh

/// Questions and answers over the real broker, without a database.
@Suite(.timeLimit(.minutes(2))) struct AskTests {
  @Loop private func startAnswerer(
    _ service: String, keys: MeshKeys? = nil, instance: String? = nil, _ handlers: [String: Answerer.Handler]
  ) async throws -> Answerer {
    let answerer = Answerer(
      service: service, try .ofPassing(TestMesh.kafka()), keys: keys ?? .service(service, root: TestMesh.root),
      log: TestMesh.log, metrics: Metrics())
    for (name, handler) in handlers { answerer.add("\(service).\(name)", handler) }
    try answerer.start(TestMesh.kafka(), instance: instance)
    try await TestMesh.wait { answerer.isReady }
    return answerer
  }

  private static func echo(_ asked: Asked) -> Answer { Answer(.reply, status: 200, body: asked.body) }

  @Test @Loop func `a question comes back answered`() async throws {
    let service = TestMesh.freshService()
    try await TestMesh.makeTopics(for: [service])
    let answerer = try await startAnswerer(service, ["echo": { Self.echo($0) }])
    let asker = try await TestMesh.startAsker()
    let answer = try await asker.ask(Question("\(service).echo", body: #"{"a":1}"#))
    #expect(answer == Answer(.reply, status: 200, body: Array(#"{"a":1}"#.utf8)))
    await asker.close()
    await answerer.stop(within: .seconds(2))
  }

  @Test @Loop func `many questions at once are each answered with their own answer`() async throws {
    let service = TestMesh.freshService()
    try await TestMesh.makeTopics(for: [service])
    let answerer = try await startAnswerer(service, ["echo": { Self.echo($0) }])
    let asker = try await TestMesh.startAsker()
    var (right, wrong) = (0, 0)
    for number in 0..<2000 {
      let question = Question("\(service).echo", body: "\(number)", key: Array("\(number % 50)".utf8))
      asker.ask(question) { result in
        if case .success(let answer) = result, answer.body == Array("\(number)".utf8) { right += 1 } else { wrong += 1 }
      }
    }
    try await TestMesh.wait { right + wrong == 2000 }
    #expect(wrong == 0)
    await asker.close()
    await answerer.stop(within: .seconds(2))
  }

  @Test @Loop func `equal keys are answered in order, one at a time`() async throws {
    let service = TestMesh.freshService()
    try await TestMesh.makeTopics(for: [service])
    var seen: [String] = []
    var running = 0
    var most = 0
    let answerer = try await startAnswerer(
      service,
      [
        "slow": { asked in
          running += 1
          most = max(most, running)
          try? await Loop.sleep(for: .milliseconds(3))
          running -= 1
          seen.append(String(decoding: asked.body, as: UTF8.self))
          return Self.echo(asked)
        }
      ])
    let asker = try await TestMesh.startAsker()
    var answered = 0
    for number in 0..<20 {
      asker.ask(Question("\(service).slow", body: "\(number)", key: Array("one".utf8))) { _ in answered += 1 }
    }
    try await TestMesh.wait { answered == 20 }
    #expect(seen == (0..<20).map(String.init))
    #expect(most == 1)
    await asker.close()
    await answerer.stop(within: .seconds(2))
  }

  @Test @Loop func `a question nobody answers ends at its deadline`() async throws {
    let service = TestMesh.freshService()
    try await TestMesh.makeTopics(for: [service])
    let asker = try await TestMesh.startAsker()
    await #expect { try await asker.ask(Question("\(service).echo", within: .milliseconds(200))) } throws: {
      if case AskError.timedOut = $0 { true } else { false }
    }
    await asker.close()
  }

  @Test @Loop func `an expired question is dropped, not answered late`() async throws {
    let service = TestMesh.freshService()
    try await TestMesh.makeTopics(for: [service])
    let asker = try await TestMesh.startAsker()
    _ = try? await asker.ask(Question("\(service).count", within: .milliseconds(50)))
    var calls = 0
    let answerer = try await startAnswerer(
      service,
      [
        "count": {
          calls += 1
          return Self.echo($0)
        }
      ])
    _ = try await asker.ask(Question("\(service).count"))
    #expect(calls == 1)
    await asker.close()
    await answerer.stop(within: .seconds(2))
  }

  @Test @Loop func `an endpoint that no replica knows is said so`() async throws {
    let service = TestMesh.freshService()
    try await TestMesh.makeTopics(for: [service])
    let answerer = try await startAnswerer(service, [:])
    let asker = try await TestMesh.startAsker()
    await #expect { try await asker.ask(Question("\(service).other")) } throws: {
      if case AskError.unknownEndpoint = $0 { true } else { false }
    }
    await asker.close()
    await answerer.stop(within: .seconds(2))
  }

  @Test @Loop func `an unanswered question is asked once more elsewhere`() async throws {
    let service = TestMesh.freshService()
    try await TestMesh.makeTopics(for: [service])
    var copies: [Bool] = []
    let isAnswered = Promise<Void>()
    let answerer = try await startAnswerer(
      service,
      [
        "stuck": { asked in
          copies.append(asked.isHedge)
          if !asked.isHedge { try? await isAnswered.value }
          return Self.echo(asked)
        }
      ])
    let asker = try await TestMesh.startAsker()
    _ = try await asker.ask(Question("\(service).stuck", hedgeAfter: .milliseconds(50)))
    isAnswered.fulfil(())
    #expect(Set(copies) == [false, true])
    await asker.close()
    await answerer.stop(within: .seconds(2))
  }

  @Test @Loop func `who has not the key is not heard`() async throws {
    let service = TestMesh.freshService()
    try await TestMesh.makeTopics(for: [service])
    let answerer = try await startAnswerer(service, ["echo": { Self.echo($0) }])
    let stranger = try await TestMesh.startAsker(.root(KeyRing(current: 1, keys: [1: SymmetricKey()])))
    await #expect(throws: AskError.self) {
      try await stranger.ask(Question("\(service).echo", within: .milliseconds(300)))
    }
    await stranger.close()
    await answerer.stop(within: .seconds(2))
  }

  @Test @Loop func `a service asks another as itself, and as nobody else`() async throws {
    let service = TestMesh.freshService()
    try await TestMesh.makeTopics(for: [service])
    var callers: [Caller] = []
    let answerer = try await startAnswerer(
      service,
      [
        "who": { asked in
          callers.append(asked.context.caller)
          return Self.echo(asked)
        }
      ])
    let asker = try await TestMesh.startAsker(.service("credits", asking: [service], root: TestMesh.root))
    _ = try await asker.ask(Question("\(service).who", caller: .service("credits", member: nil)))
    for forged in [
      Caller.service("matching", member: nil), .anyone,
      .member(MemberID(at: .now), role: .admin, session: AuthSessionID(at: .now)),
    ] {
      await #expect(throws: AskError.self) {
        try await asker.ask(Question("\(service).who", within: .milliseconds(200), caller: forged))
      }
    }
    #expect(callers == [.service("credits", member: nil)])
    await asker.close()
    await answerer.stop(within: .seconds(2))
  }
}
