import Mesh
import Telemetry

/// Everything an operator can set.
struct PresenceOptions: Options {
  static let program = "presence"
  static let about = "Who is there: activity on devices, choices, privacy, availability."

  let mesh = MeshOptions()

  @Option("redis-url", env: "REDIS_URL", help: "Where Redis is: redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE].")
  var redisURL: Secret<ServiceURL>

  @Option(
    "presence-time-scale", env: "PRESENCE_TIME_SCALE", in: 0.001...100,
    help: "Multiplies the times after which somebody is away, offline, or gone; for tests.")
  var timeScale: Double = 1

  func check() -> [String] { mesh.checkDatabase() }
}
