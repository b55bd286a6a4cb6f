public import Crypto

/// The keys under which questions and answers travel, as far as this process may know them.
///
/// Each service X has a key K_X, derived from the root. Between the gateway and X one derived from K_X is used; when
/// service A asks X, one that is derived from K_X for A. X can derive them all and needs no other key to be asked; A is
/// given one key for each service that it asks, and can speak to it as A and as nobody else. Only the gateway and the
/// operator hold the root.
public struct MeshKeys: Sendable {
  private enum Holder: Sendable {
    case root(KeyRing)
    case service(String, own: KeyRing, peers: [String: KeyRing])
  }

  private let holder: Holder

  /// The gateway's keys.
  public static func root(_ root: KeyRing) -> MeshKeys { MeshKeys(holder: .root(root)) }

  /// A service's keys: its own, and one for each service that it asks, as `peer(of:asking:)` derives them.
  public static func service(_ name: String, own: KeyRing, peers: [String: KeyRing] = [:]) -> MeshKeys {
    MeshKeys(holder: .service(name, own: own, peers: peers))
  }

  /// K_X: what the operator hands to service `name`.
  public static func own(of name: String, root: KeyRing) -> KeyRing { root.derived(for: purpose(name)) }

  /// K_X as `MESH_KEY` takes it, where the root is a single key of number `id`.
  public static func ownText(of name: String, root: SymmetricKey, id: UInt32 = 1) -> String {
    root.derived(for: purpose(name)).withBytes { "\(id):\(Hex.encode($0))" }
  }

  private static func purpose(_ name: String) -> String { "service \(name)" }

  /// What the operator hands to `service` for asking `other`.
  public static func peer(of service: String, asking other: String, root: KeyRing) -> KeyRing {
    own(of: other, root: root).derived(for: "asked by \(service)")
  }

  /// The keys for a service that asks some others, all derived from the root: for tests and for one machine.
  public static func service(_ name: String, asking others: [String] = [], root: KeyRing) -> MeshKeys {
    let peers = others.map { ($0, peer(of: name, asking: $0, root: root)) }
    return .service(name, own: own(of: name, root: root), peers: Dictionary(peers) { first, _ in first })
  }

  /// The keys between this process and `service`, which it asks; nil when it was given none.
  func asking(_ service: String) -> KeyRing? {
    switch holder {
    case .root(let root): Self.own(of: service, root: root).derived(for: "gateway")
    case .service(_, _, let peers): peers[service]
    }
  }

  /// The keys between this service and whoever says that it asks; nil in the gateway, which nobody asks.
  func asked(by asker: String?) -> KeyRing? {
    guard case .service(_, let own, _) = holder else { return nil }
    return own.derived(for: asker.map { "asked by \($0)" } ?? "gateway")
  }

  /// The keys under which `service` seals its pushes, for itself and for the gateways.
  func pushing(as service: String) -> KeyRing {
    switch holder {
    case .root(let root): Self.own(of: service, root: root).derived(for: PushMessage.keyPurpose)
    case .service(_, let own, _): own.derived(for: PushMessage.keyPurpose)
    }
  }

  /// The keys with which `service` signs links to its private objects, for itself and for the gateways.
  public func signingMedia(of service: String) -> KeyRing {
    switch holder {
    case .root(let root): Self.own(of: service, root: root).derived(for: "media")
    case .service(_, let own, _): own.derived(for: "media")
    }
  }

  /// The keys for what this service stores sealed.
  var atRest: KeyRing {
    switch holder {
    case .root(let root): root.derived(for: "at rest")
    case .service(_, let own, _): own.derived(for: "at rest")
    }
  }

  /// The name under which this process asks; nil for the gateway.
  var name: String? {
    if case .service(let name, _, _) = holder { name } else { nil }
  }
}

/// Keeps derived keys, since deriving costs four HMACs.
struct KeyCache {
  /// Names come from outside before they are proved, so the cache forgets all rather than grow.
  private static let limit = 256
  private var rings: [String: KeyRing] = [:]

  mutating func ring(_ name: String?, _ derive: (String?) -> KeyRing?) -> KeyRing? {
    if let known = rings[name ?? ""] { return known }
    guard let ring = derive(name) else { return nil }
    if rings.count >= Self.limit { rings = [:] }
    rings[name ?? ""] = ring
    return ring
  }
}
