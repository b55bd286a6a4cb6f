import EventLoop
import Glibc

// `races` does what must be clean; `races flawed` what must be found.
Loop.run {
  do {
    if CommandLine.arguments.contains("flawed") { try await Races.race() } else { try await Races().run() }
    return 0
  } catch {
    print("races: \(error)")
    return 1
  }
}
