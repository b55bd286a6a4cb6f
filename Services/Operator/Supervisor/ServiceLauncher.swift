import EventLoop
import Foundation
import Mesh
import Telemetry

/// Knows how a replica of a service is started on this machine.
@Loop struct ServiceLauncher {
  /// Partitions of a topic: as many replicas of a service can share its work. Each message that has its partition for
  /// itself costs a request to the broker, so one machine gets no more of them than it has use for.
  private static let partitions = "6"

  private let folder: MeshFolder
  private let ports: Ports
  private let secrets: Secrets
  private let postgres: PostgresCluster
  /// Where the services' programs are: beside this one.
  private let programs: String

  init(_ folder: MeshFolder, _ ports: Ports, _ secrets: Secrets, _ postgres: PostgresCluster) throws {
    (self.folder, self.ports, self.secrets, self.postgres) = (folder, ports, secrets, postgres)
    let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    programs = String(own[..<(own.lastIndex(of: "/") ?? own.startIndex)])
  }

  /// How replica `number` of `service` is started, with `ops` as its operators' port. Throws `Failure`.
  func launch(_ number: Int, of service: Service, ops port: UInt16) throws(Failure) -> Launch {
    let place = Service.Place(
      folder: folder, kafka: "127.0.0.1:\(ports.kafka)", ops: "127.0.0.1:\(port)", gateway: "127.0.0.1:\(ports.gateway)"
    )
    var launch = Launch(
      executable: "\(programs)/\(service.name)", arguments: service.arguments(place),
      environment: try environment(of: service, number, place)
    ) { await Probe.isReady(http: place.ops) }
    launch.ops = place.ops
    return launch
  }

  /// What a replica is told about its surroundings. Passwords and keys stand in variables, which only the owner of a
  /// process can read, and never on a command line.
  private func environment(
    of service: Service, _ number: Int, _ place: Service.Place
  ) throws(Failure) -> [String: String] {
    var environment = inherited
    environment["KAFKA_BROKERS"] = place.kafka
    environment["KAFKA_PARTITIONS"] = inherited["KAFKA_PARTITIONS"] ?? Self.partitions
    environment["OPS_ADDRESS"] = place.ops
    environment["REPLICA"] = String(number)
    environment["LOG_FORMAT"] = inherited["LOG_FORMAT"] ?? LogFormat.pretty.rawValue
    for need in service.needs {
      switch need {
      case .database: environment["DATABASE_URL"] = try postgres.url(for: service.name)
      case .redis:
        environment["REDIS_URL"] = RedisServer.url(port: ports.redis, password: try secrets.secret(RedisServer.name))
      case .storage:
        let home = FileManager.default.currentDirectoryPath
        if inherited["STORAGE_URL"] == nil { environment["STORAGE_URL"] = "file://\(home)/\(folder.path)/media" }
      case .meshKey:
        environment["MESH_KEY"] = MeshKeys.ownText(of: service.name, root: try secrets.key("mesh-root"))
      case .masterKey:
        environment["\(service.name.uppercased())_MASTER_KEY"] = try secrets.ring("\(service.name)-master")
      case .rootKey: environment["MESH_ROOT_KEY"] = "1:\(try secrets.secret("mesh-root"))"
      }
    }
    return environment
  }
}
