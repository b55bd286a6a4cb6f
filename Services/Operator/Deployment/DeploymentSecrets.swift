import Crypto
import Foundation
import Mesh
import Telemetry

/// The passwords and keys of a deployment, one a file, as its containers and pods are given them. What the services need
/// is in the manifest; the files of `NAME` begin with its name.
struct DeploymentSecrets {
  /// The key that all keys of the mesh come from.
  static let rootKey = "mesh-root-key"
  /// The superuser of PostgreSQL.
  static let adminURL = "admin-database-url"

  /// Where a service's database URL is.
  static func databaseURL(of service: String) -> String { "\(service)-database-url" }

  private let folder: String
  private let secrets: Secrets

  /// Keeps them in `folder`, made if need be. Throws `Failure`.
  init(_ folder: String) throws(Failure) {
    (self.folder, secrets) = (folder, Secrets(path: folder))
    guard mkdir(folder, 0o700) == 0 || errno == EEXIST else {
      throw Failure("cannot make the folder \(folder): \(String(cString: strerror(errno)))")
    }
  }

  /// Makes up what is missing, and writes what follows from something else anew: services' keys from the root key, the
  /// superuser's URL and Redis' from their passwords. Returns the names of all. Throws `Failure`.
  func make(postgres: HostPort, redis: HostPort) throws(Failure) -> [String] {
    var names: Set<String> = []
    func derive(_ name: String, _ text: String) throws(Failure) {
      try replaceFile("\(folder)/\(name)", with: Data(text.utf8))
      names.insert(name)
    }
    let root = try secrets.ring(Self.rootKey)
    names.insert(Self.rootKey)
    func url(_ user: String, _ password: String) -> String {
      "postgresql://\(user):\(password)@\(postgres)/\(PostgresCluster.database)"
    }
    for service in manifest where service.stage == .service {
      for need in service.needs {
        switch need {
        case .database:
          // Its password stands in it, and nowhere else.
          let name = Self.databaseURL(of: service.name)
          if !secrets.has(name) { try derive(name, url(service.name, Secrets.newSecret())) }
          names.insert(name)
        case .redis:
          let password = try secrets.secret("redis-password")
          names.insert("redis-password")
          try derive("redis-url", "redis://default:\(password)@\(redis)/0")
        case .meshKey: try derive("\(service.name)-mesh-key", try Self.ownKeys(of: service.name, root: root))
        case .masterKey:
          _ = try secrets.ring("\(service.name)-master-key")
          names.insert("\(service.name)-master-key")
        case .storage, .rootKey: break
        }
      }
    }
    try derive(Self.adminURL, url(PostgresCluster.superuser, try secrets.secret("postgres-password")))
    names.insert("postgres-password")
    // A container reads them as a user of its own; the folder keeps everybody else out.
    for name in names where chmod("\(folder)/\(name)", 0o444) != 0 {
      throw Failure("cannot change the mode of \(folder)/\(name): \(String(cString: strerror(errno)))")
    }
    return names.sorted()
  }

  /// What a service is given as MESH_KEY where the root's keys are `root`, a text of the same form.
  private static func ownKeys(of service: String, root: String) throws(Failure) -> String {
    var keys: [String] = []
    for part in root.split(separator: ",") {
      let halves = part.split(separator: ":")
      guard halves.count == 2, let id = UInt32(halves[0]), let key = Hex.decode(halves[1]).flatMap({ SymmetricKey($0) })
      else {
        throw Failure("\(rootKey) holds no keys", advice: "Put back what was there: ID:HEX, separated by commas.")
      }
      keys.append(MeshKeys.ownText(of: service, root: key, id: id))
    }
    return keys.joined(separator: ",")
  }
}
