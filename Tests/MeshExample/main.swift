import EventLoop
import Mesh
import Storage
import Telemetry

struct ExampleOptions: Options {
  static let program = "mesh-example"
  static let about = "Two small services: notes, and a tally of them."

  @Option("service", env: "SERVICE", help: "Which of them this process is: notes or tally.")
  var service: String

  var mesh = MeshOptions()
  var storage = StorageOptions()
}

let options = ExampleOptions.load()

Loop.run {
  switch options.service {
  case "notes":
    await MeshService("notes", version: 1, options.mesh, migrations: ExampleTables.notes).run { mesh in
      notesService(mesh, options.storage.open { .now })
    }
  default:
    await MeshService("tally", version: 1, options.mesh, migrations: ExampleTables.tally).run { tallyService($0) }
  }
}
