import Telemetry

/// What the realtime side counts.
struct RealtimeMetrics {
  let connections: Gauge
  let signedIn: Gauge
  let channels: Gauge
  let subscriptions: Gauge
  let deliveries: Counter
  let pushes: Counter
  let pushesWaiting: Counter
  let missed: Counter
  let refused: Counter
  let slow: Counter
  let clientEvents: Counter
  let clientEventsRefused: Counter

  init(_ all: Metrics) {
    connections = all.gauge("realtime_connections", "Sockets of clients that are open.")
    signedIn = all.gauge("realtime_members", "Members who are signed in over a socket here.")
    channels = all.gauge("realtime_channels", "Channels that clients here listen to.")
    subscriptions = all.gauge("realtime_subscriptions", "Subscriptions of clients here.")
    deliveries = all.counter("realtime_deliveries_total", "Events handed to sockets.")
    pushes = all.counter("realtime_pushes_total", "Pushes of services that were handed to Redis.")
    pushesWaiting = all.counter("realtime_push_retries_total", "Times that Redis did not take a push.")
    missed = all.counter("realtime_missed_total", "Times that subscribers were told to load a channel anew.")
    refused = all.counter("realtime_refused_total", "Subscriptions that were refused.")
    slow = all.counter("realtime_slow_clients_total", "Clients closed since they did not take what they were sent.")
    clientEvents = all.counter("realtime_client_events_total", "Events of clients that were passed on.")
    clientEventsRefused = all.counter("realtime_client_events_refused_total", "Events of clients that were refused.")
  }
}
