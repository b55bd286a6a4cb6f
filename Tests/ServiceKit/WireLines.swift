public import Contract

/// What clients and other services rely on of an endpoint, as one line to pin in a test: name, route, fields, and the
/// status of a success. Fields that may be left out end in `?`.
public func line<Request: Endpoint>(_ type: Request.Type) throws -> String {
  let route = type.route.map { "\($0.method.rawValue) \($0.path) \($0.audience) \($0.rate)" } ?? "mesh"
  return "\(type.name) | \(route) | \(try fields(of: type)) | \(type.success)"
}

/// What other services rely on of an event: name and fields.
public func line<Fact: Event>(event type: Fact.Type) throws -> String { "\(type.name) | \(try fields(of: type))" }

/// What clients rely on of a push: name and fields.
public func line<P: Push>(push type: P.Type) throws -> String { "\(type.name) | \(try fields(of: type))" }

/// The fields of what is sent, in their order; those that may be left out end in `?`.
public func fields<Value: Decodable>(of type: Value.Type) throws -> String {
  try Schema(of: type).properties.map { $0.isRequired ? $0.name : "\($0.name)?" }.joined(separator: " ")
}
