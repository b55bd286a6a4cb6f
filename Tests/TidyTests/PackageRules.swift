/// What `Package.swift` says about where targets are. Its helper functions are read too: `path: "Shared/\(name)"` in a
/// helper `shared` makes `shared("Wire")` the folder `Shared/Wire`, and `path: "Tests/\(folder)"` in a helper `tool` makes
/// `tool("x", at: "Bench/X")` the folder `Tests/Bench/X`.
struct PackageManifest {
  /// The folders of all targets.
  let paths: Set<String>

  init(_ text: String) {
    var helpers: [String: [(before: String, argument: String, after: String)]] = [:]
    var literal: Set<String> = []
    var function: String?
    // A call that begins a line of its own for its arguments is read like one that does not.
    let lines = text.replacing(#/\(\n +/#, with: "(").split(separator: "\n")
    for line in lines {
      if let name = Self.between(line, "func ", "(") { function = name }
      if line == "}" { function = nil }
      for path in Self.all(line, after: "path: \"") {
        let holes = [("\\(name)", ""), ("\\(folder)", "at: ")]
        guard
          let (hole, argument) = holes.lazy.compactMap({ hole in path.firstRange(of: hole.0).map { ($0, hole.1) } })
            .first
        else {
          literal.insert(String(path))
          continue
        }
        guard let function else { continue }
        helpers[function, default: []].append(
          (String(path[..<hole.lowerBound]), argument, String(path[hole.upperBound...])))
      }
    }
    for line in lines {
      let call = line.drop { $0 == " " }
      guard let open = call.firstIndex(of: "("), let shapes = helpers[String(call[..<open])] else { continue }
      for shape in shapes {
        let start = shape.argument.isEmpty ? "\(call[...open])\"" : "\(shape.argument)\""
        guard let value = Self.all(call, after: start).first else { continue }
        literal.insert(shape.before + value + shape.after)
      }
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
