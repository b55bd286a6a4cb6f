import Crypto
import EventLoop
import Mesh
import Telemetry

let options = IdentityOptions.load()

Loop.run {
  await MeshService("identity", version: 1, options.mesh, migrations: Migrations.all).run { mesh in
    try await IdentityService(mesh, options).start()
  }
}
