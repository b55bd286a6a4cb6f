import Mesh
import Telemetry

/// How the operator's tool finds a mesh that it has not started itself.
struct DeploymentOptions: Options {
  static let program = "mesh"
  static let about = """
    The operator's tool. What follows is for a deployment, by environment only; what `./mesh up` runs on this machine is
    found without.
    """

  @Option("deployment", env: "MESH_DEPLOYMENT", help: "Reach the mesh that these options name. Our image sets it.")
  var isDeployment: Bool = false

  let kafka = KafkaOptions()

  @Option("database-url", env: "DATABASE_URL", help: "The superuser in PostgreSQL, in the database of the mesh.")
  var databaseURL: Secret<ServiceURL>? = nil

  @Option(
    "root-key", env: "MESH_ROOT_KEY",
    help: "The key that all keys of the mesh come from: ID:HEX, older ones after a comma.")
  var rootKey: Secret<KeyRingText>? = nil

  @Option(
    "service-secrets", env: "SERVICE_SECRETS",
    help: "Folder with each service's DATABASE_URL as SERVICE-database-url, for `mesh provision`.")
  var serviceSecrets: String = "/run/secrets"

  @Option(
    "startup-patience", env: "STARTUP_PATIENCE", in: .seconds(1)...Duration.seconds(3600),
    help: "How long to wait for Kafka and PostgreSQL to be there.")
  var startupPatience: Duration = .seconds(60)

  /// Whether the environment asks for a deployment, before anything else of it is looked at.
  static var isAskedFor: Bool { inherited["MESH_DEPLOYMENT"].flatMap { Bool(option: $0) } ?? false }

  /// What the environment says. Throws `Failure`.
  static func fromEnvironment() throws(Failure) -> DeploymentOptions {
    do { return try read(arguments: []) { inherited[$0] } } catch {
      throw Failure("\(error)", exitCode: ExitCode.usage)
    }
  }
}
