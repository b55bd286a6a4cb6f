/// What `Package.swift` says about where targets are. Its helper functions are read too: `path: "Shared/\(name)"` in a
/// helper `shared(_ name: String)` makes `shared("Wire")` the folder `Shared/Wire`.
struct PackageManifest {
  /// The folders of all targets.
  let paths: Set<String>

  init(_ text: String) {
    var found = Set(Self.quoted(text[...], after: "path: ").map(String.init))
    for helper in text.split(separator: "\nfunc ").dropFirst() {
      let name = helper.prefix { $0 != "(" }
      let parameters = Self.arguments(helper[name.endIndex...]).map { $0.prefix { $0 != ":" }.split(separator: " ") }
      let templates = Self.quoted(
        helper.prefix(upTo: helper.firstRange(of: "\n}")?.lowerBound ?? helper.endIndex), after: "path: ")
      for call in text.ranges(of: " \(name)(") {
        let arguments = Self.arguments(text[call.lowerBound...].dropFirst(name.count + 1))
        for template in templates { found.insert(Self.fill(template, parameters, arguments)) }
      }
    }
    // What still has a hole is a helper's own template, not a call of it.
    paths = found.filter { !$0.contains("\\(") }
  }

  /// Puts the arguments of a call in the place of the helper's parameters.
  private static func fill(_ template: Substring, _ parameters: [[Substring]], _ arguments: [Substring]) -> String {
    zip(parameters, arguments).reduce(String(template)) { path, pair in
      guard let name = pair.0.last, let value = quoted(pair.1, after: "").first else { return path }
      return path.replacing("\\(\(name))", with: value)
    }
  }

  /// What stands between the parentheses with which `text` begins, split at the commas.
  private static func arguments(_ text: Substring) -> [Substring] {
    text.dropFirst().prefix { $0 != ")" }.split(separator: ",").map { $0.drop { $0 == " " || $0 == "\n" } }
  }

  /// The texts in quotation marks that follow `start`.
  private static func quoted(_ text: Substring, after start: String) -> [Substring] {
    text.ranges(of: "\(start)\"").map { text[$0.upperBound...].prefix { $0 != "\"" } }
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
