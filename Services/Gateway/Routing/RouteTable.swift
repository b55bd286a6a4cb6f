import Contract
import EventLoop
import Mesh
import Telemetry

/// An endpoint as requests are counted and sent to it.
@Loop final class RoutedEndpoint {
  let endpoint: PublicEndpoint
  let upstream: Upstream
  private let answers: [Counter]
  private let seconds: Histogram

  init(_ endpoint: PublicEndpoint, _ upstream: Upstream, _ metrics: Metrics) {
    (self.endpoint, self.upstream) = (endpoint, upstream)
    answers = (1...5).map { digit in
      metrics.counter(
        "gateway_requests_total", "Requests answered, by endpoint and class of status.",
        ["endpoint": endpoint.name, "status": "\(digit)xx"])
    }
    seconds = metrics.histogram(
      "gateway_request_seconds", "From the head of a request to its answer.", ["endpoint": endpoint.name])
  }

  func count(_ status: Int, after time: Duration) {
    answers[min(max(status / 100, 1), 5) - 1].add(1)
    seconds.observe(time)
  }
}

/// The routes of all services, as their catalogue records say.
///
/// A record replaces its service's earlier one, whether the service runs or not: a route whose service is down is known,
/// and answers 503. What does not fit (an endpoint named after another service, a route that is taken) is left out and
/// logged; it harms nobody else's.
@Loop final class RouteTable {
  /// Changes with every change of the table; documents made of it are as old as this says.
  private(set) var revision = 0
  /// The services by name, as they describe themselves.
  private(set) var services: [String: ServiceRecord] = [:]
  /// The endpoints that are served here.
  private(set) var endpoints: [PublicEndpoint] = []
  private(set) var router = Router<RoutedEndpoint>()
  private var upstreams: [String: Upstream] = [:]
  /// First segments that the gateway keeps for itself.
  private let reserved: Set<String>
  /// What the gateway says of itself.
  private let own: ServiceRecord?
  private let metrics: Metrics
  private let log: Log

  init(reserved: Set<String>, own: ServiceRecord? = nil, metrics: Metrics, log: Log) {
    (self.reserved, self.own, self.metrics, self.log) = (reserved, own, metrics, log)
  }

  /// Takes what the services say of themselves, in place of what they said before.
  func replace(with services: [String: ServiceRecord]) {
    var services = services
    if let own { services[own.service] = own }
    self.services = services
    revision += 1
    endpoints = []
    router = Router()
    for (name, service) in services.sorted(by: { $0.key < $1.key }) {
      let upstream = upstreams[name] ?? Upstream(name)
      upstreams[name] = upstream
      for endpoint in service.endpoints where endpoint.route != nil { add(endpoint, of: upstream) }
    }
  }

  private func add(_ record: EndpointRecord, of upstream: Upstream) {
    let trouble: String
    if let endpoint = PublicEndpoint(record) {
      if endpoint.service != upstream.service {
        trouble = "it is named after another service"
      } else if case .word(let word)? = endpoint.path.parts.first, reserved.contains(word) {
        trouble = "the gateway answers there itself"
      } else if !router.add(
        endpoint.route.method, endpoint.path, RoutedEndpoint(endpoint, upstream, metrics))
      {
        trouble = "another endpoint has that route"
      } else {
        return endpoints.append(endpoint)
      }
    } else {
      trouble = "its path cannot be understood"
    }
    log.error(
      "an endpoint is left out", ["endpoint": record.name, "path": record.route?.path ?? "", "trouble": trouble])
  }
}
