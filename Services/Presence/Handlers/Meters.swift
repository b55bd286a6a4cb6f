import EventLoop
import PresenceAPI
import Telemetry

/// What presence counts.
@Loop struct Meters {
  let heartbeats: Counter
  let transitions: Counter
  let conflicts: Counter
  let sweepLag: Histogram
  let steadyDevices: Gauge
  private let members: [PresenceStatus: Gauge]

  init(_ metrics: Metrics) {
    heartbeats = metrics.counter("presence_heartbeats_total", "Signs of life of devices, from sockets and requests.")
    transitions = metrics.counter("presence_transitions_total", "Changes that others were told of.")
    conflicts = metrics.counter(
      "presence_conflicts_total", "Changes that were worked out anew since another came in between.")
    sweepLag = metrics.histogram(
      "presence_sweep_lag_seconds", "From the time something was due to its being looked at.")
    steadyDevices = metrics.gauge(
      "presence_devices_active", "Devices that are there, in the partitions that this replica looks after.")
    members = Dictionary(
      uniqueKeysWithValues: [PresenceStatus.online, .away, .busy].map { status in
        (
          status,
          metrics.gauge(
            "presence_members", "Members who are there, in all partitions, as others were told.",
            ["status": status.rawValue])
        )
      })
  }

  /// Says how many members are there.
  func count(_ counts: [PresenceStatus: Int]) {
    for (status, gauge) in members { gauge.set(counts[status] ?? 0) }
  }
}
