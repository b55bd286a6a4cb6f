import BenchKit
import EventLoop

BenchProgram.run("chat") { arguments in
  var bench = ChatBench(limit: try BenchProgram.seconds(in: arguments, about: ChatBench.about))
  return try await bench.run()
}
