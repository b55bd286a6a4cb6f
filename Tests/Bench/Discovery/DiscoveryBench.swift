import BenchKit
import EventLoop

/// Members who look for others in all the ways that there are, among very many: through topic and service, beside the bare
/// statement on the same PostgreSQL in the same run.
@Loop struct DiscoveryBench {
  static let about = """
    Measures searches of many kinds over a made-up population, through topic and service, beside the bare statement on the
    same PostgreSQL; and how soon members are found by what presence tells of them.
    """
  static let options = """


      --members N   how many members there are (default: 1000000); a million takes minutes to make
      --data DIR    keep the members in this folder for the next time, or use those that are kept there
    """
  private static let seed = 1

  private let limit: Duration
  private let members: Int
  private let folder: String?
  private var report = Report()

  init(limit: Duration, members: Int, folder: String?) {
    (self.limit, self.members, self.folder) = (limit, members, folder)
  }

  mutating func run() async throws -> Report {
    let world = try await DiscoveryWorld(folder: folder)
    let loading = ContinuousClock.now
    let made = try await world.load(members, seed: Self.seed)
    let seconds = Int((ContinuousClock.now - loading) / .seconds(1))
    report.tuning = [
      "population": "\(members) members of seed \(Self.seed), \(made) of them made in \(seconds) s",
      "search": "GET /api/v1/users, 20 a page, one at a time if nothing else is said",
      "PostgreSQL": "shared_buffers 1 GB, page costs as the service sets them; otherwise its defaults",
    ]
    let mixes = try await SearchMix.all(in: world)
    for mix in mixes {
      let limit = mix.isMain ? self.limit : self.limit / 2
      for inFlight in mix.isMain ? [1, 8] : [1] {
        let bare = try await measure(inFlight, mix, limit) { try await world.searchBare($0) }
        let whole = try await measure(inFlight, mix, limit) { try await world.search($0) }
        add("bare statement", mix, inFlight, bare, beside: nil)
        add("through topic and service", mix, inFlight, whole, beside: bare)
      }
    }
    try await measureNews(world)
    await world.end()
    return report
  }

  /// Keeps so many searches under way.
  private func measure(
    _ inFlight: Int, _ mix: SearchMix, _ limit: Duration,
    _ search: @escaping @Loop (Search) async throws -> Void
  ) async throws -> LatencyHistogram {
    // What one search of each kind needs for the first time, such as its plan, is not what is measured.
    for number in mix.searches.indices.prefix(10) { try await search(mix.searches[number]) }
    let until = ContinuousClock.now + limit
    let all = Measured()
    let tasks = (0..<inFlight).map { lane in
      Task { @Loop in
        var number = lane
        while ContinuousClock.now < until {
          let start = ContinuousClock.now
          try await search(mix.searches[number % mix.searches.count])
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
    _ name: String, _ mix: SearchMix, _ inFlight: Int, _ latencies: LatencyHistogram,
    beside bare: LatencyHistogram?
  ) {
    var figure = Figure(name, latencies.milliseconds(0.99), "ms p99")
    figure.setting = inFlight == 1 ? mix.name : "\(mix.name), \(inFlight) at once"
    figure.lessIsBetter = true
    figure.note = "\(latencies.count) searches, \(latencies.summary)"
    if let bare {
      figure.against = "bare statement \(Report.format(bare.milliseconds(0.99))) ms"
      if inFlight == 1 { (figure.must, figure.reach) = (50, 25) }
    }
    report.add(figure)
  }

  // MARK: What presence tells

  /// How soon members are found by another status, one by one and when very many have one.
  private mutating func measureNews(_ world: DiscoveryWorld) async throws {
    var latencies = LatencyHistogram()
    let until = ContinuousClock.now + limit / 2
    while ContinuousClock.now < until { latencies.record(try await world.timeUntilFound(1)) }
    var single = Figure("until found by another status", latencies.milliseconds(0.99), "ms p99")
    (single.must, single.reach, single.lessIsBetter) = (2000, 200, true)
    single.note = "\(latencies.count) changes, \(latencies.summary)"
    report.add(single)
    let many = 2000
    let seconds = try await world.timeUntilFound(many) / .seconds(1)
    var throughput = Figure("changes of status that become findable", Double(many) / seconds, "/s")
    throughput.setting = "\(many) at once"
    report.add(throughput)
  }
}
