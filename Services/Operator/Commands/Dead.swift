import Contract
import EventLoop
import Foundation
import Postgres

/// What is asked about the events that services could not handle.
enum DeadCommand: Equatable {
  /// Those of one service in full, or of all.
  case list(service: String?, json: Bool)
  /// Have a service try its dead events again: those of one subject, or all.
  case redrive(service: String, subject: UniqueID?)

  /// Reads the words after `dead`. Throws `UsageError`.
  init(_ words: inout Words) throws(UsageError) {
    let json = words.take(flag: "--json")
    let first = words.next()
    guard first == "redrive" else {
      self = .list(service: first, json: json)
      return
    }
    guard !json else { throw UsageError("dead redrive writes no JSON") }
    let service = try words.require("the name of a service")
    let subject = try words.next().map { text throws(UsageError) in
      guard let subject = UniqueID(text) else { throw UsageError("SUBJECT: got '\(text)', expected a UUID") }
      return subject
    }
    self = .redrive(service: service, subject: subject)
  }

  /// Does it, and returns the exit status.
  @Loop func run(_ folder: MeshFolder) async throws -> CInt {
    let ports = try await runningPorts(folder)
    let password = try Secrets(folder).secret(PostgresCluster.name)
    let dead = DeadEvents(url: PostgresCluster.adminURL(port: ports.postgres, password: password))
    defer { dead.close() }
    do {
      let services = try await dead.services()
      switch self {
      case .list(let service, let json):
        let chosen = try service.map { [try Self.known($0, services)] } ?? services
        var events: [DeadEvent] = []
        for service in chosen { events += try await dead.find(of: service) }
        try Self.show(events, inFull: service != nil, asJSON: json)
      case .redrive(let service, let subject):
        let count = try await dead.redrive(try Self.known(service, services), subject)
        Console.say(
          count == 0
            ? "\(service): nothing is dead\(subject.map { " of \($0)" } ?? "")"
            : "\(service): \(count) \(count == 1 ? "event is" : "events are") tried again; see ./mesh dead \(service)")
      }
    } catch let error as PostgresError {
      throw Failure("PostgreSQL: \(error)", advice: "./mesh status says whether it runs.")
    }
    return ExitCode.done
  }

  private static func known(_ service: String, _ services: [String]) throws(Failure) -> String {
    guard services.contains(service) else {
      throw Failure(
        "there is no service '\(service)' that keeps events",
        advice: services.isEmpty ? nil : "There are: \(services.joined(separator: ", ")).", exitCode: ExitCode.usage)
    }
    return service
  }

  private static func show(_ events: [DeadEvent], inFull: Bool, asJSON: Bool) throws {
    if asJSON {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      return Console.say(String(decoding: try encoder.encode(["events": events]), as: UTF8.self))
    }
    guard !events.isEmpty else { return Console.say("Nothing is dead.") }
    (inFull ? events.flatMap(description) : table(events)).forEach { Console.say($0) }
    if Set(events.map(\.service)).contains(where: { name in events.count { $0.service == name } == DeadEvents.limit }) {
      Console.say("Of each service the oldest \(DeadEvents.limit) are shown.")
    }
  }

  /// One line for each event.
  static func table(_ events: [DeadEvent]) -> [String] {
    let head = ["SERVICE", "EVENT", "SUBJECT", "VERSION", "SINCE", "WAITING", "REASON"]
    return aligned(
      [head]
        + events.map {
          [
            $0.service, $0.event, $0.subject.description, String($0.version), $0.parkedAt.description,
            String($0.waiting), printable($0.reason),
          ]
        })
  }

  /// All that is known of one event.
  static func description(_ event: DeadEvent) -> [String] {
    [
      "\(event.event) \(event.id)",
      "  subject  \(event.subject), version \(event.version)",
      "  since    \(event.parkedAt), attempts: \(event.attempts), waiting behind it: \(event.waiting)",
      "  reason   \(printable(event.reason))",
      "  payload  \(printable(event.payload))",
    ]
  }

  /// Text from elsewhere as one line that cannot steer the terminal.
  private static func printable(_ text: String) -> String {
    String(String.UnicodeScalarView(text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }))
  }
}
