import EventLoop
import Telemetry

let options = GatewayOptions.load()

Loop.run {
  let log = Log(service: "gateway", replica: options.replica.map(String.init) ?? "-", options: options.logs)
  do {
    try await GatewayProcess(options, log).run()
    return 0
  } catch {
    log.error("cannot go on: \(error)")
    return 2
  }
}
