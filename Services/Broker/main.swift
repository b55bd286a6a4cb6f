import EventLoop
import Telemetry

let options = BrokerOptions.load()

Loop.run {
  let log = Log(service: "broker", options: options.logs)
  do {
    try await Broker(options, log).run()
    return 0
  } catch {
    // Nothing of the data was touched: an operator reads one line and sets it right.
    log.error("cannot start: \(error)")
    return 2
  }
}
