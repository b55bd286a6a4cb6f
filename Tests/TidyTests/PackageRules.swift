/// What `Package.swift` says about where targets are. Its helper functions are read too: `path: "Shared/\(name)"` in a
/// helper `shared` makes `shared("Wire")` the folder `Shared/Wire`.
struct PackageManifest {
  /// The folders of all targets.
  let paths: Set<String>

  init(_ text: String) {
    var helpers: [String: [(before: String, after: String)]] = [:]
    var literal: Set<String> = []
    var function: String?
    for line in text.split(separator: "\n") {
      if let name = Self.between(line, "func ", "(") { function = name }
      if line == "}" { function = nil }
      for path in Self.all(line, after: "path: \"") {
        if let hole = path.firstRange(of: "\\(name)") {
          guard let function else { continue }
          helpers[function, default: []].append((String(path[..<hole.lowerBound]), String(path[hole.upperBound...])))
        } else {
          literal.insert(String(path))
        }
      }
    }
    for line in text.split(separator: "\n") {
      let call = line.drop { $0 == " " }
      guard let open = call.firstIndex(of: "("), let shapes = helpers[String(call[..<open])],
        let name = Self.all(call, after: "\(call[...open])\"").first
      else { continue }
      for shape in shapes { literal.insert(shape.before + name + shape.after) }
    }
    paths = literal
  }

  private static func between(_ line: Substring, _ start: String, _ end: Character) -> String? {
    guard line.hasPrefix(start) else { return nil }
    return String(line.dropFirst(start.count).prefix { $0 != end })
  }

  /// What stands between each `start` and the next quotation mark.
  private static func all(_ line: Substring, after start: String) -> [Substring] {
    line.ranges(of: start).map { line[$0.upperBound...].prefix { $0 != "\"" } }
  }

  /// The target that a file belongs to, as its folder.
  func target(of path: String) -> String? {
    paths.filter { path.hasPrefix("\($0)/") }.max { $0.count < $1.count }
  }
}

/// Sources that belong to no target, and targets without sources.
func strayTargets(_ files: [SourceFile]) -> [String] {
  let manifest = PackageManifest(files.first { $0.path == "Package.swift" }?.text ?? "")
  let sources = files.filter { file in
    ["Shared/", "Services/", "Tests/"].contains { file.path.hasPrefix($0) }
      && [".swift", ".c", ".h", ".modulemap"].contains { file.path.hasSuffix($0) }
  }
  let stray = sources.filter { manifest.target(of: $0.path) == nil }
    .map { "\($0.path) belongs to no target of Package.swift" }
  let used = Set(sources.compactMap { manifest.target(of: $0.path) })
  return stray + manifest.paths.subtracting(used).sorted().map { "the target in \($0) has no sources" }
}

/// Files of one target that share a name, which Swift's compiler and people confuse.
func repeatedNames(_ files: [SourceFile]) -> [String] {
  let manifest = PackageManifest(files.first { $0.path == "Package.swift" }?.text ?? "")
  let named = Dictionary(grouping: files.filter(\.isSwift)) { "\(manifest.target(of: $0.path) ?? "") \($0.name)" }
  return named.values.filter { $0.count > 1 }.map { same in
    "\(same.map(\.path).sorted().joined(separator: " and ")) have the same name in one target"
  }.sorted()
}
