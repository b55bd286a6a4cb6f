import Contract
import Crypto
import EventLoop
import Kafka
import Telemetry

/// Hands pushes to Kafka: one for a process.
@Loop final class PushSender {
  /// The service in whose name it sends.
  let source: String
  /// Seals payloads.
  let ring: KeyRing
  private let producer: Producer
  private let log: Log
  private let count: Counter

  /// More pushes than these on their way are refused: those of the outbox wait there, passing ones are dropped.
  private static let pendingLimit = 50_000

  init(source: String, _ producer: Producer, keys: MeshKeys, log: Log, metrics: Metrics) {
    (self.source, self.producer, self.log) = (source, producer, log)
    ring = keys.pushing(as: source)
    count = metrics.counter("mesh_pushes_total", "Pushes that Kafka has acknowledged.")
  }

  /// Whether there is room for more.
  var hasRoom: Bool { producer.pending < Self.pendingLimit }

  /// Sends what is sealed already, as a part of `trace` if its steps are written down; `completion` learns whether Kafka
  /// has it.
  func send(
    _ sealed: PushMessage.Sealed, to channel: String, of trace: TraceContext?,
    completion: @escaping @Loop (_ isDelivered: Bool) -> Void
  ) {
    var headers = [KafkaHeader(Header.push, sealed.head)]
    if let trace, trace.isSampled { headers.append(KafkaHeader(Header.traceparent, trace.traceparent)) }
    do {
      try producer.send(
        to: producer.topic(MeshTopics.pushes), key: Array(channel.utf8), value: sealed.body,
        headers: headers
      ) { [log, count] outcome in
        switch outcome {
        case .success:
          count.add(1)
          completion(true)
        case .failure(let error):
          log.limited().warning("a push was not sent", ["error": "\(error)"])
          completion(false)
        }
      }
    } catch {
      log.limited().warning("a push was not sent", ["error": "\(error)"])
      completion(false)
    }
  }

  /// Sends at once what nobody will miss: at most once, without waiting.
  func send(_ message: PushMessage) {
    guard hasRoom else { return log.limited().warning("too many pushes are on their way; one is dropped") }
    send(message.sealed(by: ring), to: message.channel.description, of: .current) { _ in }
  }
}
