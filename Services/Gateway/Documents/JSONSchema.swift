import Contract
import Wire

extension Schema {
  /// The shape in JSON Schema 2020-12, as OpenAPI 3.1 and AsyncAPI 3.0 use it.
  ///
  /// A property that need not be there may also be null: our answers always write it, and our requests take either.
  var jsonSchema: JSONTree {
    // A shape is names and numbers, which always have a JSON form.
    .encoded((try? JSONEncoding.bytes(of: allowingNulls)) ?? Array("{}".utf8))
  }

  private var allowingNulls: Schema {
    switch self {
    case .object(let properties):
      .object(
        properties.map { property in
          let schema = property.schema.allowingNulls
          return Property(property.name, property.isRequired ? schema : schema.orNull, isRequired: property.isRequired)
        })
    case .array(let element, let limit): .array(element.allowingNulls, limit: limit)
    case .map(let value): .map(value.allowingNulls)
    case .optional(let value): value.allowingNulls.orNull
    default: self
    }
  }

  private var orNull: Schema {
    switch self {
    case .optional, .null, .any: self
    default: .optional(self)
    }
  }
}
