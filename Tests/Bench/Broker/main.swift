import BenchKit

BenchProgram.run("broker") { arguments in
  try await BrokerBench(Options(arguments)).run()
}
