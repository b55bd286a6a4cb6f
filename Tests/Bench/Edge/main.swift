import BenchKit

BenchProgram.run("edge") { arguments in
  var bench = EdgeBench(limit: try BenchProgram.seconds(in: arguments, about: EdgeBench.about))
  return try await bench.run()
}
