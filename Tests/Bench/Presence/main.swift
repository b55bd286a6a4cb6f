import BenchKit
import EventLoop

if CommandLine.arguments.dropFirst() == [TCPEcho.word] {
  Loop.run {
    do {
      try await TCPEcho.serve()
      return 0
    } catch {
      BenchProgram.say("the echo: \(error)")
      return 1
    }
  }
}

BenchProgram.run("presence") { arguments in
  var bench = PresenceBench(limit: try BenchProgram.seconds(in: arguments, about: PresenceBench.about))
  return try await bench.run()
}
