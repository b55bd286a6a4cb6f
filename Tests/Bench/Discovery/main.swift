import BenchKit
import Foundation

BenchProgram.run("discovery") { arguments in
  var rest = arguments
  func take(_ option: String) -> String? {
    guard let place = rest.firstIndex(of: option), place + 1 < rest.count else { return nil }
    defer { rest.removeSubrange(place...(place + 1)) }
    return rest[place + 1]
  }
  var members = 1_000_000
  if let text = take("--members") {
    guard let number = Int(text), (1000...10_000_000).contains(number) else {
      throw Complaint("--members: expected a number from 1000 to 10000000")
    }
    members = number
  }
  let folder = take("--data").map { URL(fileURLWithPath: $0).standardizedFileURL.path }
  var bench = DiscoveryBench(
    limit: try BenchProgram.seconds(in: rest, about: DiscoveryBench.about + DiscoveryBench.options), members: members,
    folder: folder)
  return try await bench.run()
}
