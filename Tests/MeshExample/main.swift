import EventLoop
import Mesh
import Telemetry

struct ExampleOptions: Options {
  static let program = "mesh-example"
  static let about = "Two small services: notes, and a tally of them."

  @Option("service", env: "SERVICE", help: "Which of them this process is: notes or tally.")
  var service: String

  var mesh = MeshOptions()
}

let options = ExampleOptions.load()

Loop.run {
  switch options.service {
  case "notes":
    await MeshService("notes", version: 1, options.mesh, migrations: ExampleTables.notes).run { notesService($0) }
  default:
    await MeshService("tally", version: 1, options.mesh, migrations: ExampleTables.tally).run { tallyService($0) }
  }
}
