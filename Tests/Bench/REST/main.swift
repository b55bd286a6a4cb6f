import BenchKit

BenchProgram.run("rest") { arguments in
  var bench = RESTBench(limit: try BenchProgram.seconds(in: arguments, about: RESTBench.about))
  return try await bench.run()
}
