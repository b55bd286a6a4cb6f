import Contract
import EventLoop
import Glibc
import Telemetry

/// Where a journey is told: scene after scene, what was asked of which service and how long it took. Each scene is a trace
/// of its own, which all that is asked in it belongs to.
@Loop final class Stage {
  /// Something that happens.
  struct Scene {
    let title: String
    let trace: TraceContext
    /// Who has to take part.
    let services: Set<String>
    var took = Duration.zero
  }

  private enum Style: String {
    case plain = "0"
    case bold = "1"
    case faint = "2"
    case red = "31"
    case green = "32"
    case cyan = "36"
  }

  private let isStyled: Bool
  private(set) var scenes: [Scene] = []

  /// A terminal is written to in colours, unless `NO_COLOR` is set; everything else in plain text.
  init() { isStyled = isatty(STDOUT_FILENO) == 1 && inherited["NO_COLOR"] == nil && inherited["TERM"] != "dumb" }

  /// The trace of what is happening.
  var trace: TraceContext? { scenes.last?.trace }

  /// What somebody reads before it begins, or when it is over.
  func say(_ text: String = "") { Console.say(text) }

  /// Plays a scene in which `services` take part; `body` returns what has come out of it. Throws a `Failure` that says what
  /// was expected in which scene, what happened, and where to look.
  func scene(_ title: String, in services: Set<String>, _ body: @Loop () async throws -> String) async throws {
    let trace = TraceContext.root(isSampled: true)
    scenes.append(Scene(title: title, trace: trace, services: services))
    let number = "\(scenes.count)"
    say("\n\(String(repeating: " ", count: 3 - number.count))\(styled(number, .cyan))  \(styled(title, .bold))")
    let began = ContinuousClock.now
    do {
      let outcome = try await body()
      scenes[scenes.count - 1].took = .now - began
      say("     \(styled("ok", .green))  \(outcome)")
    } catch {
      say("     \(styled("no", .red))  \(error)")
      throw Failure(
        "step \(number), \(title): \(error)", advice: "What happened: ./mesh trace \(trace.traceIDText)")
    }
  }

  /// Tells of something that was asked, or was heard.
  func tell(_ who: String, _ what: String, _ outcome: String, _ took: Duration) {
    let time = took.inMilliseconds
    let line = Self.pad(who, 11) + Self.pad(what, 52) + Self.pad(outcome, 8)
    say("         " + styled(line + String(repeating: " ", count: max(0, 8 - time.count)) + time, .faint))
  }

  /// As wide as `width`, of which the last column stays free.
  private static func pad(_ text: String, _ width: Int) -> String {
    let text = text.count < width ? text : "\(text.prefix(width - 2))…"
    return text + String(repeating: " ", count: width - text.count)
  }

  private func styled(_ text: String, _ style: Style) -> String {
    isStyled ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
  }

  /// One page: how long each scene took, and what happened in which service, with the trace that tells the rest.
  func summary(_ steps: [String: [TraceStep]]) -> [String] {
    let rows = scenes.enumerated().map { index, scene in
      let own = (steps[scene.trace.traceIDText] ?? []).filter(\.isStep)
      let counts = Dictionary(grouping: own, by: \.service).mapValues(\.count)
      let services = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { "\($0.key) \($0.value)" }
      return [
        (index < 9 ? " " : "") + "\(index + 1)", scene.title, scene.took.inMilliseconds, scene.trace.traceIDText,
        services.joined(separator: "  "),
      ]
    }
    return aligned([["", "STEP", "TOOK", "TRACE", "STEPS IN EACH SERVICE"]] + rows)
  }
}

/// Something else happened than what has to happen.
struct Unexpected: Error, CustomStringConvertible {
  let expected: String
  let got: String

  init(_ expected: String, got: String) { (self.expected, self.got) = (expected, got) }

  var description: String { "expected \(expected), got \(got)" }
}

/// Throws `Unexpected` unless `holds`.
func expect(_ holds: Bool, _ expected: @autoclosure () -> String, got: @autoclosure () -> String) throws(Unexpected) {
  guard holds else { throw Unexpected(expected(), got: got()) }
}
