import EventLoop
import Mesh
import Telemetry

let options = ProfilesOptions.load()

Loop.run {
  await MeshService("profiles", version: 1, options.mesh, migrations: Migrations.all).run { mesh in
    try await ProfilesService(mesh, options).start()
  }
}
