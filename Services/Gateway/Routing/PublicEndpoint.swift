import Contract
import Mesh

/// An endpoint that stands on the public surface, as its service's catalogue record describes it.
struct PublicEndpoint: Sendable {
  let record: EndpointRecord
  let route: Route
  let path: PathTemplate

  /// Nil for an endpoint that only services may ask, and for a path that cannot be understood.
  init?(_ record: EndpointRecord) {
    guard let route = record.route, let path = PathTemplate(route.path), !path.parts.isEmpty else { return nil }
    (self.record, self.route, self.path) = (record, route, path)
  }

  var name: String { record.name }

  /// The service that answers: the first part of the name.
  var service: String { String(name.prefix { $0 != "." }) }

  /// Whether its values come from the query, not from a body.
  var readsQuery: Bool { route.method == .get || route.method == .delete }

  /// The values of the request that do not stand in the path.
  var valuesBesidePath: [Schema.Property] {
    let names = path.names
    return record.request.properties.filter { !names.contains($0.name) }
  }
}
