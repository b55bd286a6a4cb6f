import Crypto
import EventLoop
import Kafka
import Mesh
import Telemetry

/// How a command reaches the mesh: the one that `up` runs from this folder, or a deployment that the environment names.
@Loop struct Reach {
  let kafka: KafkaConfiguration
  private let options: DeploymentOptions?
  private let ports: Ports?
  private let secrets: Secrets

  /// Finds the mesh. Throws `Failure` when nothing runs from the folder, or the environment says too little.
  init(_ folder: MeshFolder) async throws {
    secrets = Secrets(folder)
    if DeploymentOptions.isAskedFor {
      let options = try DeploymentOptions.fromEnvironment()
      kafka = try options.kafka.configuration(clientID: "mesh")
      (self.options, ports) = (options, nil)
    } else {
      let ports = try await runningPorts(folder)
      kafka = try KafkaConfiguration(brokers: "127.0.0.1:\(ports.kafka)", clientID: "mesh")
      (options, self.ports) = (nil, ports)
    }
  }

  /// The superuser's URL in PostgreSQL. Throws `Failure`.
  func adminURL() throws(Failure) -> String {
    if let ports {
      return PostgresCluster.adminURL(port: ports.postgres, password: try secrets.secret(PostgresCluster.name))
    }
    guard let url = options?.databaseURL?.exposed.text else { throw Self.missing("DATABASE_URL") }
    return url
  }

  /// The key that all others come from. Throws `Failure`.
  func rootKeys() throws(Failure) -> KeyRing {
    guard let options else { return KeyRing(current: 1, keys: [1: try secrets.key("mesh-root")]) }
    guard let keys = options.rootKey?.exposed.ring else { throw Self.missing("MESH_ROOT_KEY") }
    return keys
  }

  /// What to do when `what` does not answer.
  func advice(for what: String) -> String? { ports == nil ? nil : "./mesh status says whether \(what) runs." }

  private static func missing(_ variable: String) -> Failure {
    Failure("\(variable): not set, and this command needs it in a deployment", exitCode: ExitCode.usage)
  }
}
