import Contract
import Mesh
import Wire

/// Finds what answers a method and a path.
///
/// Where a word and a value both fit, the word wins: of `/users/{user}` and `/users/online` the second answers for
/// `/users/online`. A word that leads nowhere gives way to the value. An unversioned `/api/…` is the current version's.
struct Router<Target> {
  /// What a lookup finds.
  enum Match {
    /// This answers, with these values of the path.
    case found(Target, PathValues)
    /// The path is there, for these methods only.
    case otherMethods([HTTPMethod])
    /// Nothing is there.
    case nothing
  }

  /// The version that an unversioned path means.
  static var currentVersion: String { "v1" }

  private struct Node {
    var words: [String: Int] = [:]
    var value: Int?
    var targets: [(method: Route.Method, names: [String], target: Target)] = []
  }

  private var nodes = [Node()]

  init() {}

  /// Adds a route; false, and nothing is changed, when its method and path are taken already.
  mutating func add(_ method: Route.Method, _ template: PathTemplate, _ target: Target) -> Bool {
    var node = 0
    for part in template.parts { node = child(of: node, part) }
    guard !nodes[node].targets.contains(where: { $0.method == method }) else { return false }
    nodes[node].targets.append((method, template.names, target))
    return true
  }

  private mutating func child(of node: Int, _ part: PathTemplate.Part) -> Int {
    let known: Int? =
      switch part {
      case .word(let word): nodes[node].words[word]
      case .value: nodes[node].value
      }
    if let known { return known }
    nodes.append(Node())
    switch part {
    case .word(let word): nodes[node].words[word] = nodes.count - 1
    case .value: nodes[node].value = nodes.count - 1
    }
    return nodes.count - 1
  }

  /// What answers `method` on the path of these decoded segments.
  func find(_ method: HTTPMethod, _ segments: [String]) -> Match {
    var path = segments[...]
    if path.first == "api", !(path.count > 1 && Self.isVersion(path[1])) {
      path = (["api", Self.currentVersion] + segments.dropFirst())[...]
    }
    var values: [String] = []
    guard path.count <= PathTemplate.maximumParts, let node = node(at: path, below: 0, &values) else { return .nothing }
    let wanted: Route.Method? =
      switch method {
      case .get, .head: .get
      case .post: .post
      case .put: .put
      case .patch: .patch
      case .delete: .delete
      case .options, .query, .trace: nil
      }
    guard let wanted, let found = nodes[node].targets.first(where: { $0.method == wanted }) else {
      return .otherMethods(Self.allowed(nodes[node].targets.map(\.method)))
    }
    return .found(found.target, values.isEmpty ? [:] : PathValues(Array(zip(found.names, values))))
  }

  private func node(at path: ArraySlice<String>, below node: Int, _ values: inout [String]) -> Int? {
    guard let segment = path.first else { return nodes[node].targets.isEmpty ? nil : node }
    if let word = nodes[node].words[segment], let found = self.node(at: path.dropFirst(), below: word, &values) {
      return found
    }
    guard let value = nodes[node].value else { return nil }
    values.append(segment)
    if let found = self.node(at: path.dropFirst(), below: value, &values) { return found }
    values.removeLast()
    return nil
  }

  /// What a path with these routes answers: besides them HEAD where there is GET, and always OPTIONS.
  private static func allowed(_ methods: [Route.Method]) -> [HTTPMethod] {
    HTTPMethod.allCases.filter { method in
      switch method {
      case .head: methods.contains(.get)
      case .options: true
      default: methods.contains { $0.rawValue == method.rawValue }
      }
    }
  }

  private static func isVersion(_ segment: String) -> Bool {
    segment.utf8.first == UInt8(ascii: "v") && segment.utf8.count > 1
      && segment.utf8.dropFirst().allSatisfy(\.isASCIIDigit)
  }
}
