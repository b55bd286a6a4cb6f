import EventLoop
import Glibc

// `leaks` does what must be clean; `leaks flawed` what must be found.
Loop.run {
  do {
    if CommandLine.arguments.contains("flawed") { Leaks.leak() } else { try await Leaks().run() }
    return 0
  } catch {
    print("leaks: \(error)")
    return 1
  }
}
