import EventLoop
import Foundation
import TestKit

/// A command line that makes no sense, or a wish for help; the text is for people.
public struct Complaint: Error {
  /// What is wrong, or the help.
  public let text: String
  /// Says `text`.
  public init(_ text: String) { self.text = text }
}

/// A measurement that did not come about, or whose result cannot be trusted: why.
public struct BenchFailure: Error, CustomStringConvertible {
  /// One line for a terminal.
  public let description: String
  /// Says `description`.
  public init(_ description: String) { self.description = description }
}

/// What every `NAME-bench` does around its measurements.
public enum BenchProgram {
  /// Prints to standard error, for people.
  public static func say(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }

  /// Runs `measure`, prints its report as a Markdown table, and writes it to `.mesh/bench/<name>.md` and `.json`.
  ///
  /// `measure` gets the arguments. The program also serves as the far side of a bare round trip (see `EchoProcess`).
  public static func run(_ name: String, _ measure: @escaping @Loop @Sendable ([String]) async throws -> Report)
    -> Never
  {
    Loop.run {
      let arguments = Array(CommandLine.arguments.dropFirst())
      do {
        if arguments.first == EchoProcess.word, arguments.count == 2 {
          try await Echo.run(brokers: arguments[1])
          return 0
        }
        let report = try await measure(arguments)
        print(report.markdown)
        say("written to \(try report.write(as: name))")
        return 0
      } catch let complaint as Complaint {
        say(complaint.text)
        return 2
      } catch {
        say("\(name)-bench: \(error)")
        return 1
      }
    }
  }

  /// The value of the option `--seconds`, the bound on each measurement: the one that the mesh's benchmarks have.
  public static func seconds(in arguments: [String], about: String) throws -> Duration {
    if arguments.isEmpty { return .seconds(8) }
    guard arguments.count == 2, arguments[0] == "--seconds", let number = Int(arguments[1]), (1...60).contains(number)
    else { throw Complaint("\(about)\n\n  --seconds N   bound on each measurement, 1 to 60 (default: 8)") }
    return .seconds(number)
  }

  /// A file that was built beside this program.
  public static func built(_ name: String) -> URL { BuiltProgram.url(name) }
}
