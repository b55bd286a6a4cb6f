import EventLoop
import Mesh
import Telemetry

/// Carries services' pushes from Kafka into Redis, whence every gateway hears them.
///
/// Each push is taken by one gateway, those of one channel in order. While Redis is away it waits, and the rest behind it
/// stays in Kafka; a push that was carried twice is known by its id.
@Loop final class Pump {
  private let hub: Hub
  private let log: Log
  private let metrics: RealtimeMetrics
  private var isClosed = false

  init(_ hub: Hub, log: Log, metrics: RealtimeMetrics) { (self.hub, self.log, self.metrics) = (hub, log, metrics) }

  /// Nothing is tried again any more: what was not carried is left to another gateway.
  func close() { isClosed = true }

  /// Carries one push; returns when Redis has it.
  func carry(_ push: PushMessage) async {
    var backoff = Backoff()
    let trace = TraceContext.current
    let began = ContinuousClock.now
    while !isClosed {
      do {
        try await handOver(push, trace)
        log.span(
          .push, push.kind == .recheck ? "recheck" : push.name, of: trace, took: .now - began,
          ["channel": push.channel])
        return metrics.pushes.add(1)
      } catch {
        metrics.pushesWaiting.add(1)
        log.limited().warning("Redis does not take pushes; they wait", ["error": "\(error)"])
        try? await Loop.sleep(for: backoff.next())
      }
    }
  }

  private func handOver(_ push: PushMessage, _ trace: TraceContext?) async throws {
    let event = ChannelMessage.Event(name: push.name, data: push.data, view: push.view, trace: trace)
    switch push.kind {
    case .kept: try await hub.store.append(event, push: push.id, to: push.channel)
    case .passing: try await hub.store.publish(.event(event), to: push.channel)
    case .recheck: try await hub.announceRecheck(push.channel)
    }
  }
}
