import EventLoop
import Glibc

extension Command {
  /// Ends everything that runs from this folder, also when the supervisor hangs or was killed.
  @Loop func endEverything(_ folder: MeshFolder) async throws -> CInt {
    let supervisor = ProcessTable(folder).supervisor
    if let supervisor {
      Console.say("Ending …")
      supervisor.signal(SIGTERM)
      supervisor.signal(SIGCONT)  // one that was stopped would not hear
      // The sum of what the supervisor grants its children, at most.
      if await !supervisor.waitUntilEnded(within: .seconds(75)) {
        Console.say("The supervisor does not end; killing it.")
        supervisor.signal(SIGKILL)
        _ = await supervisor.waitUntilEnded(within: .seconds(5))
      }
    }
    let leftovers = await ProcessTable(folder).endAll(grace: .seconds(10))
    if !leftovers.isEmpty {
      Console.say("Ended what a killed supervisor had left: \(leftovers.joined(separator: ", ")).")
    }
    Console.say(supervisor == nil && leftovers.isEmpty ? "Nothing runs from this folder." : "Everything has ended.")
    return ExitCode.done
  }
}
