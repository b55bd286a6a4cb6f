import Contract
import Crypto
import EventLoop
import Kafka
import Mesh
import Telemetry

/// Asks the example's notes service, which must be running, and prints how fast it answers.
struct AskBenchOptions: Options {
  static let program = "ask-bench"
  static let about = "Measures questions and answers: notes.ping without a database, notes.add with a commit."

  @Option("kafka-brokers", env: "KAFKA_BROKERS", help: "Where Kafka is.")
  var brokers: String

  @Option("mesh-key", env: "MESH_KEY", help: "The root key: ID:HEX.")
  var key: Secret<KeyRingText>

  @Option("seconds", env: "SECONDS", in: 1...3600, help: "How long each load lasts.")
  var seconds: Int = 5
}

/// A closed loop: so many questions are always under way.
@Loop final class Load {
  private let asker: Asker
  private let make: @Loop () -> Question
  private var times: [Duration] = []
  private var failures = 0
  private var goesOn = true
  private var running = 0

  init(_ asker: Asker, make: @escaping @Loop () -> Question) { (self.asker, self.make) = (asker, make) }

  func run(_ name: String, inFlight: Int, for limit: Duration) async {
    let begin = ContinuousClock.now
    for _ in 0..<inFlight { next() }
    try? await Loop.sleep(for: limit)
    goesOn = false
    while running > 0 { try? await Loop.sleep(for: .milliseconds(5)) }
    let seconds = (ContinuousClock.now - begin) / .seconds(1)
    times.sort()
    func at(_ share: Double) -> String {
      let time = times.isEmpty ? .zero : times[min(times.count - 1, Int(Double(times.count) * share))]
      return "\(Int(time / .microseconds(1))) µs"
    }
    print(
      "\(name), \(inFlight) in flight: \(Int(Double(times.count) / seconds))/s, p50 \(at(0.5)), p99 \(at(0.99)), \(failures) failed"
    )
  }

  private func next() {
    guard goesOn else { return }
    running += 1
    let begin = ContinuousClock.now
    asker.ask(make()) { [self] result in
      running -= 1
      if case .success(let answer) = result, answer.status < 300 {
        times.append(ContinuousClock.now - begin)
      } else {
        failures += 1
      }
      next()
    }
  }
}

let options = AskBenchOptions.load()

Loop.run {
  do {
    let kafka = try KafkaConfiguration(brokers: options.brokers, clientID: "bench")
    let log = Log(service: "bench", level: .warning, format: .pretty, descriptor: 2)
    let asker = try Asker(kafka, keys: .root(options.key.exposed.ring), log: log, metrics: Metrics())
    try await asker.start()
    func question(_ endpoint: String, _ body: String, path: PathValues = [:]) -> Question {
      let now = Timestamp.now
      let id = UniqueID(at: now)
      return Question(
        Passport(endpoint: endpoint, request: id, deadline: now + .seconds(15), caller: .anyone, path: path),
        body: Array(body.utf8), key: Array(id.description.utf8))
    }
    for inFlight in [1, 1, 16, 64, 256] {
      await Load(asker) { question("notes.ping", "text=hello") }
        .run("ping", inFlight: inFlight, for: .seconds(options.seconds))
    }
    for inFlight in [1, 16, 64] {
      await Load(asker) {
        question("notes.add", #"{"text":"hello"}"#, path: ["board": UniqueID(at: .now).description])
      }
      .run("add", inFlight: inFlight, for: .seconds(options.seconds))
    }
    return 0
  } catch {
    print("ask-bench: \(error)")
    return 1
  }
}
