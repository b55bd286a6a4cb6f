import BenchKit
import Contract
import Crypto
import EventLoop
import Foundation
import Kafka
import Mesh
import Postgres
import ProfilesAPI
import Telemetry
import TestKit

/// Members who look for a skill, with a word, among those who are there now: through topic and service, beside the bare
/// statement on the same PostgreSQL in the same run.
@Loop struct DiscoveryBench {
  static let about = """
    Measures searches by skill, word and presence over a made-up population, through topic and service, beside the bare
    statement on the same PostgreSQL.
    """
  private static let seed = 1

  private let limit: Duration
  private let members: Int
  private var report = Report()

  init(limit: Duration, members: Int) { (self.limit, self.members) = (limit, members) }

  mutating func run() async throws -> Report {
    let world = try await DiscoveryWorld()
    let loading = ContinuousClock.now
    try await world.load(members, seed: Self.seed)
    let seconds = (ContinuousClock.now - loading) / .seconds(1)
    report.tuning = [
      "population": "\(members) members of seed \(Self.seed), made in \(Int(seconds)) s",
      "search": "GET /api/v1/users?skill=…&q=…&onlineStatus=online, each with another skill and word; 20 a page",
      "PostgreSQL": "shared_buffers 1 GB, random_page_cost as the service sets it; otherwise its defaults",
    ]
    let questions = try await world.questions()
    for inFlight in [1, 8] {
      let bare = try await measure(inFlight, questions) { try await world.searchBare($0) }
      let whole = try await measure(inFlight, questions) { try await world.search($0) }
      add("bare statement", inFlight, bare, beside: nil)
      add("search through topic and service", inFlight, whole, beside: bare)
    }
    await world.end()
    return report
  }

  /// Keeps so many searches under way.
  private func measure(
    _ inFlight: Int, _ questions: [DiscoveryWorld.Search],
    _ search: @escaping @Loop (DiscoveryWorld.Search) async throws -> Void
  ) async throws -> LatencyHistogram {
    let until = ContinuousClock.now + limit
    let all = Measured()
    let tasks = (0..<inFlight).map { lane in
      Task { @Loop in
        var number = lane
        while ContinuousClock.now < until {
          let start = ContinuousClock.now
          try await search(questions[number % questions.count])
          all.latencies.record(ContinuousClock.now - start)
          number += inFlight
        }
      }
    }
    for task in tasks { try await task.value }
    return all.latencies
  }

  @Loop private final class Measured { var latencies = LatencyHistogram() }

  private mutating func add(
    _ name: String, _ inFlight: Int, _ latencies: LatencyHistogram, beside bare: LatencyHistogram?
  ) {
    var figure = Figure(name, latencies.milliseconds(0.99), "ms p99")
    figure.setting = "\(inFlight) at once"
    figure.lessIsBetter = true
    figure.note = "\(latencies.count) searches, \(latencies.summary)"
    if let bare {
      figure.against = "bare statement \(Report.format(bare.milliseconds(0.99))) ms"
      if inFlight == 1 { (figure.must, figure.reach) = (50, 25) }
    }
    report.add(figure)
  }
}
