import Contract
import Mesh

/// The endpoints that have to do with sockets, as the catalogue tells: who decides about which channels, and who takes
/// which events.
struct SocketEndpoints {
  private var admitting: [(pattern: ChannelPattern, endpoint: EndpointRecord)] = []
  private var taking: [String: [(pattern: ChannelPattern?, endpoint: EndpointRecord)]] = [:]

  init(_ services: [String: ServiceRecord] = [:]) {
    for service in services.values.sorted(by: { $0.service < $1.service }) {
      // A service speaks for itself only.
      for endpoint in service.endpoints where endpoint.name.hasPrefix("\(service.service).") {
        switch endpoint.socket {
        case .admits(let pattern): admitting.append((pattern, endpoint))
        case .takes(let event, let pattern): taking[event, default: []].append((pattern, endpoint))
        case nil: break
        }
      }
    }
    // The longest prefix knows best.
    admitting.sort { $0.pattern.prefix.count > $1.pattern.prefix.count }
  }

  /// Who decides about `channel`, and the value in its name.
  func owner(of channel: Channel) -> (endpoint: EndpointRecord, path: PathValues)? {
    for (pattern, endpoint) in admitting {
      if let value = pattern.value(in: channel) { return (endpoint, [pattern.parameter: value]) }
    }
    return nil
  }

  /// Who takes `event` when a client sends it on `channel`, or on none.
  func taker(of event: String, on channel: Channel?) -> (endpoint: EndpointRecord, path: PathValues)? {
    for (pattern, endpoint) in taking[event] ?? [] {
      guard let pattern else { return (endpoint, [:]) }
      if let channel, let value = pattern.value(in: channel) { return (endpoint, [pattern.parameter: value]) }
    }
    return nil
  }
}
