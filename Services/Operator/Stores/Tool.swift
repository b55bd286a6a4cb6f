import EventLoop
import Glibc

/// Runs a program that does its work and ends. Throws `Failure` with its last lines when it does not succeed.
@Loop func runTool(
  _ program: String, _ arguments: [String], environment: [String: String] = inherited, log: LogFile
) async throws {
  let child: ChildProcess
  do {
    child = try ChildProcess(program, arguments, environment: environment, output: log.input)
  } catch {
    throw Failure("\(error)", advice: "./mesh doctor says which packages are missing.")
  }
  let exit = await child.end(asking: 0, grace: .seconds(120))
  guard exit == .status(0) else {
    let tail = log.tail(6).map { "    \($0)" }.joined(separator: "\n")
    throw Failure("\(program) \(arguments.first ?? "") ended with \(exit); it wrote last:\n\(tail)")
  }
}

/// The environment that this process was given.
let inherited: [String: String] = {
  var variables: [String: String] = [:]
  var entry = environ
  while let text = entry.pointee {
    let parts = String(cString: text).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    if parts.count == 2 { variables[String(parts[0])] = String(parts[1]) }
    entry += 1
  }
  return variables
}()
