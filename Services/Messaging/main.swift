import EventLoop
import Mesh
import Telemetry

let options = MessagingOptions.load()

Loop.run {
  await MeshService("messaging", version: 1, options.mesh, migrations: Migrations.all).run { mesh in
    try await MessagingService(mesh, options).start()
  }
}
