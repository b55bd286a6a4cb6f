import EventLoop
import Glibc
import Telemetry

// The script answers this from docs/commands.txt; here it is asked of the program itself.
if CommandLine.arguments.dropFirst().first == "--help" {
  print(DeploymentOptions.help, terminator: "")
  exit(ExitCode.done)
}

// The `mesh` script has made the clone's folder the current one; all paths are relative to it.
let command: Command
do {
  command = try Command(arguments: Array(CommandLine.arguments.dropFirst()))
} catch {
  Console.fail("\(error)")
  exit(ExitCode.usage)
}

// Keys, passwords and logs are nobody else's to read.
umask(0o077)

Loop.run {
  do {
    return try await command.run()
  } catch {
    Console.fail("\(error)")
    return (error as? Failure)?.exitCode ?? ExitCode.failed
  }
}
