/// Who may import whom, as docs/ARCHITECTURE.md and the package's targets have it.
enum Layers {
  /// What the modules that know no service may import of this repository.
  static let shared: [String: Set<String>] = [
    "Contract": [],
    "Wire": [],
    "EventLoop": ["CEpoll"],
    "Telemetry": [],
    "Crypto": ["CCrypt", "COpenSSL", "CSodium"],
    "Curl": ["CCurl", "EventLoop"],
    "HTTP": ["EventLoop", "Wire"],
    "Kafka": ["CKafka", "EventLoop"],
    "Postgres": ["CPostgres", "Contract", "EventLoop"],
    "Redis": ["CRedis", "EventLoop"],
    "Storage": ["Contract", "Crypto", "Curl", "EventLoop", "Telemetry"],
    "Mesh": ["Contract", "Crypto", "EventLoop", "HTTP", "Kafka", "Postgres", "Telemetry", "Wire"],
    // Programs that are no services of the domain.
    "Broker": ["CChecksum", "EventLoop", "HTTP", "Telemetry", "Wire"],
    "Gateway": ["Contract", "Crypto", "EventLoop", "HTTP", "Mesh", "Redis", "Storage", "Telemetry", "Wire"],
    "Operator": [
      "Contract", "Crypto", "Curl", "EventLoop", "HTTP", "IdentityAPI", "Kafka", "Mesh", "MessagingAPI", "Postgres",
      "ProfilesAPI", "Telemetry", "Wire",
    ],
  ]

  /// What a service of the domain may import besides its own API and those of others.
  static let service: Set<String> = ["Contract", "Crypto", "Curl", "EventLoop", "Mesh", "Storage", "Telemetry"]
  /// What it may import under `Store/` only.
  static let store: Set<String> = ["Postgres", "Redis"]

  /// What its `Domain/` may import besides its own API: what computes, and does nothing else.
  static let domain: Set<String> = ["Contract", "Foundation", "FoundationEssentials"]

  /// Modules that import nothing at all.
  static let pure: Set<String> = ["Contract", "Wire"]
}

/// Imports that go against the layers.
func layerViolations(_ files: [SourceFile]) -> [String] {
  let sources = files.filter { $0.isSwift && $0.module != nil }
  let own = Set(files.compactMap(\.module))
  return sources.flatMap { file -> [String] in
    let module = file.module ?? ""
    return Set(file.imports).sorted().compactMap { name in
      let isAllowed: Bool
      if Layers.pure.contains(module) {
        isAllowed = false
      } else if file.path.contains("/Domain/") {
        isAllowed = Layers.domain.contains(name) || name == "\(module)API"
      } else if !own.contains(name) {
        isAllowed = !module.hasSuffix("API")
      } else if let allowed = Layers.shared[module] {
        isAllowed = allowed.contains(name)
      } else if module.hasSuffix("API") {
        isAllowed = name == "Contract"
      } else if file.path.hasPrefix("Shared/") {
        isAllowed = false
      } else {
        isAllowed =
          Layers.service.contains(name) || name.hasSuffix("API")
          || Layers.store.contains(name) && file.path.contains("/Store/")
      }
      return isAllowed ? nil : "\(file.path) imports \(name), which \(module) must not know here (see Layers)"
    }
  }
}

/// C modules that several modules import, or none: each has one Swift owner.
func sharedCModules(_ files: [SourceFile]) -> [String] {
  let own = Set(files.compactMap(\.module))
  let isC: (String) -> Bool = { $0.count > 1 && $0.hasPrefix("C") && $0.dropFirst().first?.isUppercase == true }
  var importers: [String: Set<String>] = [:]
  for module in own where isC(module) { importers[module] = [] }
  for file in files where file.isSwift {
    guard let module = file.module else { continue }
    for name in file.imports where importers[name] != nil { importers[name]?.insert(module) }
  }
  return importers.sorted { $0.key < $1.key }.compactMap { name, modules in
    guard modules.count != 1 else { return nil }
    return modules.isEmpty
      ? "\(name) is imported by no module: remove it"
      : "\(name) is imported by \(modules.sorted().joined(separator: " and ")): leave it to one of them"
  }
}
