import BenchKit

/// What the command line asks for.
struct Options {
  static let help = """
    Measures a Kafka broker on this machine and prints a table beside Apache Kafka's figures.

      broker-bench [--broker PATH | --brokers HOST:PORT] [--flush MODE]... [--only PART]... [--seconds N]

      --broker PATH        broker to start, on loopback with a private folder (default: built beside this program)
      --brokers HOST:PORT  measure a running broker instead; its memory and CPU time are then unknown
      --flush MODE         durability to measure: none, interval or always; may be repeated (default: none interval)
      --only PART          idle, roundtrip, 100 or 1000 (bytes a message); may be repeated (default: all)
      --seconds N          bound on each measurement, 1 to 60 (default: 8)
    """

  static let allParts: Set<String> = ["idle", "roundtrip", "100", "1000"]

  var broker: String?
  var brokers: String?
  var flushes: [String] = []
  var parts: Set<String> = []
  var seconds = 8

  /// Reads the arguments; throws a complaint when one makes no sense.
  init(_ arguments: [String]) throws(Complaint) {
    var rest = arguments[...]
    while let name = rest.popFirst() {
      if name == "--help" { throw Complaint(Self.help) }
      guard let value = rest.popFirst() else { throw Complaint("\(name) needs a value; see --help") }
      switch name {
      case "--broker": broker = value
      case "--brokers": brokers = value
      case "--flush" where ["none", "interval", "always"].contains(value): flushes.append(value)
      case "--only" where Self.allParts.contains(value): parts.insert(value)
      case "--seconds":
        guard let number = Int(value), (1...60).contains(number) else {
          throw Complaint("--seconds takes a number from 1 to 60, not '\(value)'")
        }
        seconds = number
      default: throw Complaint("\(name) \(value) is not understood; see --help")
      }
    }
    if flushes.isEmpty { flushes = ["none", "interval"] }
    if parts.isEmpty { parts = Self.allParts }
  }
}
