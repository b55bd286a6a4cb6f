/// A statement that the server has parsed and planned for this connection.
final class PreparedStatement {
  enum State {
    /// Sent, and not yet confirmed: it may still turn out to be wrong.
    case preparing
    case ready
  }
  let name: String
  let key: PreparedStatements.Key
  var state = State.preparing
  fileprivate var lastUse: UInt64

  init(name: String, key: PreparedStatements.Key, lastUse: UInt64) {
    (self.name, self.key, self.lastUse) = (name, key, lastUse)
  }
}

/// The prepared statements of one connection, found by their text and the types of their parameters.
struct PreparedStatements {
  struct Key: Hashable {
    let text: String
    let parameters: [SQL.Parameter]

    func hash(into hasher: inout Hasher) { hasher.combine(text) }
    static func == (left: Key, right: Key) -> Bool {
      left.text == right.text && left.parameters.elementsEqual(right.parameters) { $0.type == $1.type }
    }
  }

  let limit: Int
  private var known: [Key: PreparedStatement] = [:]
  private var uses: UInt64 = 0

  init(limit: Int) { self.limit = limit }

  mutating func find(_ sql: SQL) -> PreparedStatement? {
    guard let found = known[Key(text: sql.text, parameters: sql.parameters)] else { return nil }
    uses += 1
    found.lastUse = uses
    return found
  }

  /// Takes up a statement that is about to be prepared.
  mutating func add(_ sql: SQL) -> PreparedStatement {
    uses += 1
    let key = Key(text: sql.text, parameters: sql.parameters)
    let statement = PreparedStatement(name: "s\(uses)", key: key, lastUse: uses)
    known[key] = statement
    return statement
  }

  /// Drops the least recently used statement when there is no room for one more.
  mutating func evictIfFull() -> PreparedStatement? {
    guard known.count >= limit,
      let oldest = known.values.filter({ $0.state == .ready }).min(by: { $0.lastUse < $1.lastUse })
    else { return nil }
    remove(oldest)
    return oldest
  }

  mutating func remove(_ statement: PreparedStatement) {
    if known[statement.key] === statement { known[statement.key] = nil }
  }
}
