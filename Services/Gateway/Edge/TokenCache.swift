/// Values by text, within a bound: what was asked for lately is kept, the rest is forgotten.
///
/// Two generations share the room. What is asked for moves to the young one; when that is full, it becomes the old one
/// and the former old one is forgotten. So whatever is used between two such turns stays.
struct TokenCache<Value> {
  private let limit: Int
  private var young: [String: Value] = [:]
  private var old: [String: Value] = [:]

  /// Holds at most `capacity` values, at least 2.
  init(capacity: Int) { limit = max(1, capacity / 2) }

  var count: Int { young.count + old.count }

  /// The value of `token`, if it is known; setting nil forgets it.
  subscript(token: String) -> Value? {
    mutating get {
      if let value = young[token] { return value }
      guard let value = old.removeValue(forKey: token) else { return nil }
      insert(value, token)
      return value
    }
    set {
      old[token] = nil
      if let newValue { insert(newValue, token) } else { young[token] = nil }
    }
  }

  mutating func removeAll() { (young, old) = ([:], [:]) }

  private mutating func insert(_ value: Value, _ token: String) {
    if young.count >= limit {
      old = young
      young = [:]
    }
    young[token] = value
  }
}
