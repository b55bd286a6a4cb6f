import EventLoop
import Foundation

/// Prints to standard error, for people.
func complain(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }

Loop.run {
  let arguments = Array(CommandLine.arguments.dropFirst())
  do {
    if arguments.first == "echo", arguments.count == 2 {
      try await Echo.run(brokers: arguments[1])
      return 0
    }
    let options = try Options(arguments)
    let report = try await BrokerBench(options).run()
    print(report.markdown)
    if let path = options.json { try report.write(to: path) }
    return 0
  } catch let complaint as Options.Complaint {
    complain(complaint.text)
    return 2
  } catch {
    complain("broker-bench: \(error)")
    return 1
  }
}
