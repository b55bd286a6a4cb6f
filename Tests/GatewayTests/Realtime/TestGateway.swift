import Contract
import Crypto
import EventLoop
import Mesh
import Redis
import Telemetry
import TestKit
import Testing
import Wire

@testable import Gateway

/// The realtime side of a gateway with a real Redis, and in place of the services whatever a test says.
@Loop final class TestGateway {
  static let root = KeyRing(current: 1, keys: [1: SymmetricKey()])

  let realtime: Realtime
  let redis: RedisClient
  let pump: Pump
  let signIn: SocketSignIn
  let metrics = RealtimeMetrics(Metrics())
  var revocations = Revocations()
  /// What services were asked.
  private(set) var questions: [Question] = []
  /// What the owners of channels say.
  var answer: @Loop (Question) -> Result<Answer, AskError> = { _ in TestGateway.grants(ChannelGrant()) }
  /// How long they take.
  var delay = Duration.milliseconds(1)
  private(set) var signals: [DeviceSignal] = []

  init(_ server: RedisServer? = nil, _ options: Realtime.Options = Realtime.Options(), database: Int = 0) async throws {
    var server = server
    if server == nil { server = try await RedisServer.shared() }
    let url = server!.url(database: database)
    let configuration = try RedisConfiguration(url: url, clientName: "test")
    weak var me: TestGateway?
    redis = RedisClient(configuration)
    let gateway = UInt64.random(in: 1 ... .max)
    let hub = Hub(
      configuration, redis, ChannelSeal(root: Self.root), gateway: gateway, log: .disabled, metrics: metrics)
    realtime = Realtime(
      options, gateway: gateway, hub: hub, ask: { me?.asked($0, $1) },
      activity: DeviceActivity(scale: 0.01) { me?.signals.append($0) },
      revocations: { me?.revocations ?? Revocations() },
      log: .disabled, metrics: metrics)
    pump = Pump(hub, log: .disabled, metrics: metrics)
    let signIn = SocketSignIn(realtime, redis, root: Self.root, log: .disabled)
    self.signIn = signIn
    me = self
    realtime.admission.endpoints = try Self.endpoints()
    hub.start(mail: SocketSignIn.topic(of: gateway)) { signIn.receive($0) }
    realtime.start()
    // Letters and rechecks are heard from the beginning, as they are by a gateway that is ready.
    let topic = SocketSignIn.topic(of: gateway)
    while try await redis.send("PUBSUB NUMSUB \(topic) rt:rechecks").decode([String].self)[1] != "1" {
      try await Loop.sleep(for: .milliseconds(5))
    }
  }

  private func asked(_ question: Question, _ completion: @escaping @Loop (Result<Answer, AskError>) -> Void) {
    questions.append(question)
    let answer = answer(question)
    Loop.schedule(after: delay) { completion(answer) }
  }

  static func grants(_ grant: ChannelGrant) -> Result<Answer, AskError> {
    .success(Answer(.reply, status: 200, body: (try? JSONEncoding.bytes(of: grant)) ?? []))
  }

  static func refuses(_ status: Int, _ code: String) -> Result<Answer, AskError> {
    .success(Answer(Problem(status, code, "No.")))
  }

  /// Decides about `presence-room-…` and `private-room-…`, and takes `typing` on the former.
  private static func endpoints() throws -> SocketEndpoints {
    struct EnterRoom: Endpoint {
      static let name = "rooms.enter"
      static let route: Route? = nil
      static let socket: SocketUse? = .admits(to: "presence-room-{room}")
      typealias Reply = ChannelGrant
      let room: String
    }
    struct OpenRoom: Endpoint {
      static let name = "rooms.open"
      static let route: Route? = nil
      static let socket: SocketUse? = .admits(to: "private-room-{room}")
      typealias Reply = ChannelGrant
      let room: String
    }
    struct TypeInRoom: Endpoint {
      static let name = "rooms.type"
      static let route: Route? = nil
      static let socket: SocketUse? = .takes(event: "typing", on: "presence-room-{room}")
      typealias Reply = Nothing
      let room: String
    }
    let record = ServiceRecord(
      service: "rooms", version: 1,
      endpoints: [
        try EndpointRecord(EnterRoom.self, mayBeHedged: false), try EndpointRecord(OpenRoom.self, mayBeHedged: false),
        try EndpointRecord(TypeInRoom.self, mayBeHedged: false),
      ], events: [])
    return SocketEndpoints(["rooms": record])
  }

  /// Somebody who is signed in.
  func client(_ member: MemberID? = MemberID(at: .now), expiry: Timestamp = .now + .seconds(900)) throws -> TestClient {
    let client = TestClient()
    let session = try #require(realtime.open(client))
    client.session = session
    client.realtime = realtime
    if let member {
      try realtime.signIn(session, as: SignedIn(member: member, role: .member, session: ID(at: .now), expiry: expiry))
    }
    return client
  }

  /// Carries an event as if a service had pushed it.
  func push(_ name: String, _ data: String = "{}", to channel: Channel, view: String? = nil) async throws {
    let event = ChannelMessage.Event(name: name, data: Array(data.utf8), view: view, sender: nil)
    try await realtime.hub.store.append(event, push: UniqueID(at: .now), to: channel)
  }

  /// Ends everything.
  func stop() {
    realtime.close()
    redis.close()
  }
}

/// One client, and what it was told: as lines that tests can read.
@Loop final class TestClient: Subscriber {
  fileprivate(set) var session: Session!
  fileprivate weak var realtime: Realtime!
  private(set) var told: [String] = []
  private(set) var positions: [Position] = []
  private(set) var closings: [Closing] = []

  func deliver(_ delivery: Delivery) {
    switch delivery.content {
    case .event(let name, let data, let sender):
      told.append("\(name) \(String(decoding: data, as: UTF8.self))\(sender == nil ? "" : " of a client")")
    case .memberAdded(let member, let listing): told.append("+\(member) \(listing.name)")
    case .memberRemoved(let member): told.append("-\(member)")
    case .missed: told.append("missed")
    }
    if let position = delivery.position { positions.append(position) }
    if case .missed(let position) = delivery.content { positions.append(position) }
  }

  func expelled(from channel: Channel, _ refusal: RealtimeRefusal) { told.append("expelled \(refusal.code)") }

  func close(_ reason: Closing) {
    closings.append(reason)
    realtime.close(session, isOrderly: false)
  }

  func forget() { told = [] }

  /// Subscribes; returns what stands then, or throws the refusal.
  @discardableResult
  func subscribe(_ channel: Channel, after position: Position? = nil) async throws -> Subscribed {
    let promise = Promise<Result<Subscribed, RealtimeRefusal>>()
    realtime.subscribe(session, to: channel, after: position) { [self] result in
      told.append("subscribed")
      promise.fulfil(result)
    }
    let subscribed = try await promise.value.get()
    return subscribed
  }

  /// Waits until exactly this was told.
  func expect(_ lines: [String], _ location: SourceLocation = #_sourceLocation) async throws {
    for _ in 0..<2500 where told.count < lines.count { try await Loop.sleep(for: .milliseconds(2)) }
    #expect(told == lines, sourceLocation: location)
  }
}
