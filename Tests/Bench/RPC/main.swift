import BenchKit

BenchProgram.run("rpc") { arguments in
  var bench = RPCBench(limit: try BenchProgram.seconds(in: arguments, about: RPCBench.about))
  return try await bench.run()
}
