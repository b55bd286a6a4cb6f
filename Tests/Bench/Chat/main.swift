import BenchKit
import EventLoop

BenchProgram.run("chat") { arguments in
  var (rest, messages) = (arguments, 1_000_000)
  if let place = rest.firstIndex(of: "--messages"), place + 1 < rest.count {
    guard let number = Int(rest[place + 1]), number == 0 || (1000...10_000_000).contains(number) else {
      throw Complaint("--messages: expected 0 or a number from 1000 to 10000000")
    }
    messages = number
    rest.removeSubrange(place...(place + 1))
  }
  let limit = try BenchProgram.seconds(in: rest, about: ChatBench.about + HistoryBench.about)
  var bench = ChatBench(limit: limit)
  var report = try await bench.run()
  if messages > 0 { try await HistoryBench(limit: limit, messages: messages).run(into: &report) }
  return report
}
