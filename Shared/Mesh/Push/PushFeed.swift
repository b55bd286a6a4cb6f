import Contract
import Crypto
public import EventLoop
public import Kafka
public import Telemetry

/// Takes the services' pushes for the gateways, each at one of them.
///
/// **Guarantees.** At least once; pushes to one channel in the order in which Kafka has them, others side by side. A push is
/// done when the handler returns, so a handler that cannot go on waits, and everything behind it comes to rest. What no
/// service can have sealed is dropped. The handler of one that belongs to a sampled trace runs as a step of it.
@Loop public final class PushFeed {
  /// Deals with one push.
  public typealias Handler = @Loop (PushMessage) async -> Void

  private static let group = "gateway.pushes"
  private static let limit = 1024

  private let keys: MeshKeys
  private let log: Log
  private let handler: Handler
  private var keyCache = KeyCache()
  private var consumer: OrderedConsumer!

  /// Prepares to read.
  public init(keys: MeshKeys, log: Log, metrics: Metrics, handler: @escaping Handler) {
    (self.keys, self.log, self.handler) = (keys, log, handler)
    consumer = OrderedConsumer(group: Self.group, limit: Self.limit, log: log, metrics: metrics) {
      [unowned self] in
      await take($0)
      return nil
    }
  }

  /// Joins the gateways' group. `instance` is this gateway's static membership id; nil where gateways are not numbered.
  public func start(_ kafka: KafkaConfiguration, instance: String?) throws {
    try consumer.start(kafka, topics: [MeshTopics.pushes], instance: instance)
  }

  /// Called when no more pushes can be read.
  public var failedForGood: (@Loop (KafkaError) -> Void)? {
    get { consumer.failedForGood }
    set { consumer.failedForGood = newValue }
  }

  /// Takes no more pushes, lets those under way end, and leaves.
  public func stop(within limit: Duration) async { await consumer.stop(within: limit) }

  private func take(_ message: KafkaMessage) async {
    guard let head = message.header(Header.push), let body = message.value else {
      return log.limited().warning("a push is malformed", ["offset": message.offset])
    }
    do {
      let opened = try PushMessage(PushMessage.Sealed(head: head, body: body)) { source in
        keyCache.ring(source) { [keys] in $0.map(keys.pushing(as:)) }
      }
      guard let opened else { return log.limited().warning("a push is malformed", ["offset": message.offset]) }
      guard let trace = message.header(Header.traceparent).flatMap({ TraceContext(traceparent: $0) }) else {
        return await handler(opened)
      }
      await TraceContext.$current.withValue(trace.child()) { await handler(opened) }
    } catch {
      log.limited().warning("a push does not open", ["offset": message.offset, "error": "\(error)"])
    }
  }
}
