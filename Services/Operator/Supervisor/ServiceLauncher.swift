import EventLoop
import Foundation
import Mesh
import Telemetry

/// Knows how a replica of a service is started on this machine.
@Loop struct ServiceLauncher {
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
    let place = Service.Place(folder: folder, kafka: "127.0.0.1:\(ports.kafka)", ops: "127.0.0.1:\(port)")
    var launch = Launch(
      executable: "\(programs)/\(service.name)", arguments: service.arguments(place),
      environment: try environment(of: service, number, place)
    ) { await Probe.isReady(http: place.ops) }
    launch.ops = place.ops
    return launch
  }

  /// What a replica is told: its settings are variables, so that no password stands on a command line.
  private func environment(of service: Service, _ number: Int, _ place: Service.Place) throws(Failure) -> [String:
    String]
  {
    let gateway = "127.0.0.1:\(ports.gateway)"
    var environment = inherited
    environment["KAFKA_BROKERS"] = place.kafka
    environment["OPS_ADDRESS"] = place.ops
    environment["REPLICA"] = String(number)
    environment["LOG_FORMAT"] = inherited["LOG_FORMAT"] ?? LogFormat.pretty.rawValue
    environment["PUBLIC_URL"] = inherited["PUBLIC_URL"] ?? "http://\(gateway)"
    environment["DEVELOPMENT"] = inherited["DEVELOPMENT"] ?? "true"
    if service.needs.contains(.port) { environment["GATEWAY_LISTEN"] = gateway }
    if service.needs.contains(.database) { environment["DATABASE_URL"] = try postgres.url(for: service.name) }
    if service.needs.contains(.redis) {
      environment["REDIS_URL"] = RedisServer.url(port: ports.redis, password: try secrets.secret(RedisServer.name))
    }
    guard service.stage == .service, let root = KeyRingText(option: "1:\(try secrets.secret("root-key"))")?.ring else {
      return environment
    }
    if service.needs.contains(.rootKey) {
      environment["MESH_ROOT_KEY"] = KeyRingText(root).exposed
    } else {
      environment["MESH_KEY"] = KeyRingText(MeshKeys.own(of: service.name, root: root)).exposed
    }
    let peers = service.asks.map {
      "\($0)=\(KeyRingText(MeshKeys.peer(of: service.name, asking: $0, root: root)).exposed)"
    }
    if !peers.isEmpty { environment["MESH_PEERS"] = peers.joined(separator: ";") }
    return environment
  }
}
