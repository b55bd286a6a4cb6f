import Contract
import EventLoop
import Foundation
import Postgres

/// What is asked about the events and timers that services failed at.
enum DeadCommand: Equatable {
  /// Those of one service in full, or of all.
  case list(service: String?, json: Bool)
  /// Have a service try again what is dead: the events of one subject and the timers with that key, or all.
  case redrive(service: String, subject: String?)

  /// Reads the words after `dead`. Throws `UsageError`.
  init(_ words: inout Words) throws(UsageError) {
    let json = words.take(flag: "--json")
    let first = words.next()
    guard first == "redrive" else {
      self = .list(service: first, json: json)
      return
    }
    guard !json else { throw UsageError("dead redrive writes no JSON") }
    self = .redrive(service: try words.require("the name of a service"), subject: words.next())
  }

  /// Does it, and returns the exit status.
  @Loop func run(_ folder: MeshFolder) async throws -> CInt {
    let reach = try await Reach(folder)
    let dead = DeadLetters(url: try reach.adminURL())
    defer { dead.close() }
    do {
      let services = try await dead.services()
      switch self {
      case .list(let service, let json):
        let chosen = try service.map { [try Self.known($0, services)] } ?? services
        var found = Found()
        for service in chosen {
          found.events += try await dead.events(of: service)
          found.timers += try await dead.timers(of: service)
        }
        try Self.show(found, inFull: service != nil, asJSON: json)
      case .redrive(let service, let subject):
        Console.say(try await Self.redrive(try Self.known(service, services), subject, dead))
      }
    } catch let error as PostgresError {
      throw Failure("PostgreSQL: \(error)", advice: reach.advice(for: "it"))
    }
    return ExitCode.done
  }

  /// Returns what to say of it.
  @Loop private static func redrive(_ service: String, _ subject: String?, _ dead: DeadLetters) async throws -> String {
    // An event's subject is a UUID, a timer's key any text.
    let aggregate = subject.map { UniqueID($0) }
    let events = aggregate == .some(nil) ? 0 : try await dead.redriveEvents(of: service, aggregate ?? nil)
    let timers = try await dead.redriveTimers(of: service, key: subject)
    var parts: [String] = []
    if events > 0 { parts.append(events == 1 ? "1 event" : "\(events) events") }
    if timers > 0 { parts.append(timers == 1 ? "1 timer" : "\(timers) timers") }
    guard !parts.isEmpty else { return "\(service): nothing is dead\(subject.map { " of \($0)" } ?? "")" }
    let verb = events + timers == 1 ? "is" : "are"
    return "\(service): \(parts.joined(separator: " and ")) \(verb) tried again; see ./mesh dead \(service)"
  }

  private static func known(_ service: String, _ services: [String]) throws(Failure) -> String {
    guard services.contains(service) else {
      throw Failure(
        "there is no service '\(service)' that keeps events",
        advice: services.isEmpty ? nil : "There are: \(services.joined(separator: ", ")).", exitCode: ExitCode.usage)
    }
    return service
  }

  /// What is dead.
  struct Found: Encodable {
    var events: [DeadEvent] = []
    var timers: [DeadTimer] = []
  }

  private static func show(_ found: Found, inFull: Bool, asJSON: Bool) throws {
    if asJSON {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      return Console.say(String(decoding: try encoder.encode(found), as: UTF8.self))
    }
    guard !found.events.isEmpty || !found.timers.isEmpty else { return Console.say("Nothing is dead.") }
    let lines = inFull ? found.events.flatMap(description) + found.timers.flatMap(description) : table(found)
    for line in lines { Console.say(line) }
    let numbers = Dictionary(grouping: found.events, by: \.service).mapValues(\.count).values
    let timers = Dictionary(grouping: found.timers, by: \.service).mapValues(\.count).values
    if numbers.contains(DeadLetters.limit) || timers.contains(DeadLetters.limit) {
      Console.say("Of each service the oldest \(DeadLetters.limit) events and timers are shown.")
    }
  }

  /// One line for each event and each timer.
  static func table(_ found: Found) -> [String] {
    let head = ["SERVICE", "KIND", "NAME", "SUBJECT", "SINCE", "WAITING", "REASON"]
    let events = found.events.map {
      [
        $0.service, "event", $0.event, $0.subject.description, $0.parkedAt.description, String($0.waiting),
        printable($0.reason),
      ]
    }
    let timers = found.timers.map {
      [$0.service, "timer", $0.timer, printable($0.key), $0.failedAt.description, "0", printable($0.reason)]
    }
    return aligned([head] + events + timers)
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

  /// All that is known of one timer.
  static func description(_ timer: DeadTimer) -> [String] {
    [
      "timer \(timer.timer)",
      "  key      \(printable(timer.key))",
      "  since    \(timer.failedAt), attempts: \(timer.attempts)",
      "  reason   \(printable(timer.reason))",
      "  payload  \(printable(timer.payload))",
    ]
  }

  /// Text from elsewhere as one line that cannot steer the terminal.
  private static func printable(_ text: String) -> String {
    String(String.UnicodeScalarView(text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }))
  }
}
