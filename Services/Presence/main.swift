import EventLoop
import Mesh
import Telemetry

let options = PresenceOptions.load()

Loop.run {
  await MeshService("presence", version: 1, options.mesh, migrations: Migrations.all).run { mesh in
    try await PresenceService(mesh, options).start()
  }
}
