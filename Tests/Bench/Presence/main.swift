import BenchKit

BenchProgram.run("presence") { arguments in
  var bench = PresenceBench(limit: try BenchProgram.seconds(in: arguments, about: PresenceBench.about))
  return try await bench.run()
}
