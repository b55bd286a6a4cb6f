import Mesh
import Storage
import Telemetry

/// Everything an operator can set.
struct ProfilesOptions: Options {
  static let program = "profiles"
  static let about = "Who members are to others: profiles, skills, and finding one another."

  let mesh = MeshOptions()
  let storage = StorageOptions()

  @Option(
    "development", env: "DEVELOPMENT", help: "Let the operator make members up. Never where others rely on profiles.")
  var development: Bool = false

  func check() -> [String] { mesh.checkDatabase() }
}
