import BenchKit

BenchProgram.run("discovery") { arguments in
  // A million members take minutes to make: `--members N` tries it with fewer.
  var rest = arguments
  var members = 1_000_000
  if let place = rest.firstIndex(of: "--members"), place + 1 < rest.count {
    guard let number = Int(rest[place + 1]), (1000...10_000_000).contains(number) else {
      throw Complaint("--members: expected a number from 1000 to 10000000")
    }
    members = number
    rest.removeSubrange(place...(place + 1))
  }
  var bench = DiscoveryBench(
    limit: try BenchProgram.seconds(
      in: rest, about: DiscoveryBench.about + "\n\n  --members N   how many members there are (default: 1000000)"),
    members: members)
  return try await bench.run()
}
