import Glibc

/// The configuration of a program, declared once as typed properties and read at start from the command line and the
/// environment:
/// ```swift
/// struct BrokerOptions: Options {
///   static let program = "broker"
///   static let about = "A Kafka broker for one machine."
///   @Option("data", env: "BROKER_DATA", help: "Folder of its logs.") var data: String
///   @Option("listen", env: "BROKER_LISTEN", help: "Where clients connect.") var listen: HostPort = "127.0.0.1:9092"
///   let log = LogOptions()
/// }
/// let options = BrokerOptions.load()
/// ```
/// A flag (`--listen X` or `--listen=X`) wins over the variable, the variable over the default; a property without a
/// default is required. An empty variable counts as not set. All problems are found and reported together.
public protocol Options: OptionGroup {
  /// The program's name, as it is typed.
  static var program: String { get }
  /// What the program is for, in a sentence; it heads the help page.
  static var about: String { get }
}

/// Options that belong together and are shared by several programs, held as a plain property of an `Options` type or of
/// another group.
public protocol OptionGroup: Sendable {
  /// The declarations, not read yet: a required option has no value until `Options.read`.
  init()
  /// Problems that concern several options at once, one sentence each. Called only when each option by itself is well.
  func check() -> [String]
}

extension OptionGroup {
  /// No problems.
  public func check() -> [String] { [] }
}

/// Everything that is wrong with the configuration.
public struct ConfigurationError: Error, Equatable, CustomStringConvertible {
  /// One line each: what is wrong, what was found, what is expected.
  public let problems: [String]

  /// The problems, one a line.
  public var description: String { problems.joined(separator: "\n") }
}

extension Options {
  /// The options of this process. Prints the help page and exits with 0 when `--help` is among the arguments; prints
  /// every problem to standard error and exits with 2 when there are any.
  public static func load(arguments: [String] = Array(CommandLine.arguments.dropFirst())) -> Self {
    if arguments.contains("--help") || arguments.contains("-h") {
      print(help, terminator: "")
      exit(0)
    }
    do {
      return try read(arguments: arguments) { name in getenv(name).map { String(cString: $0) } }
    } catch {
      let lines = (error.problems + ["see \(program) --help"]).map { "\(program): \($0)\n" }.joined()
      _ = write(STDERR_FILENO, lines, lines.utf8.count)
      exit(2)
    }
  }

  /// The options found in `arguments` (without the program's name) and `environment`, which answers for each variable.
  /// - Throws: every problem there is, at once.
  public static func read(
    arguments: [String], environment: (String) -> String?
  ) throws(ConfigurationError) -> Self {
    let options = Self()
    let (slots, groups) = options.walk()
    var flags = CommandLineFlags(arguments, of: slots.map(\.declaration))
    for slot in slots {
      flags.problems += slot.problems(fillingFrom: flags.values, environment)
    }
    if flags.problems.isEmpty { flags.problems = groups.flatMap { $0.check() } }
    guard flags.problems.isEmpty else { throw ConfigurationError(problems: flags.problems) }
    return options
  }

  /// Every option of the program, groups included, in order of declaration.
  public static var declarations: [OptionDeclaration] { Self().walk().slots.map(\.declaration) }
}

extension OptionGroup {
  /// The slots and groups among the stored properties, depth first, this group last.
  fileprivate func walk() -> (slots: [any OptionSlotProtocol], groups: [any OptionGroup]) {
    var slots: [any OptionSlotProtocol] = []
    var groups: [any OptionGroup] = []
    for child in Mirror(reflecting: self).children {
      if let option = child.value as? any OptionWrapper {
        slots.append(option.slot)
      } else if let group = child.value as? any OptionGroup {
        let inner = group.walk()
        slots += inner.slots
        groups += inner.groups
      }
    }
    return (slots, groups + [self])
  }
}

/// The flags of a command line: text by flag, and what is wrong with it.
struct CommandLineFlags {
  private(set) var values: [String: String] = [:]
  var problems: [String] = []

  init(_ arguments: [String], of declarations: [OptionDeclaration]) {
    let known = Dictionary(grouping: declarations, by: \.flag)
    precondition(known.values.allSatisfy { $0.count == 1 }, "two options share a flag")

    var rest = arguments[...]
    while let argument = rest.popFirst() {
      guard argument.hasPrefix("--"), argument != "--" else {
        problems.append("\(quoted(argument)): not a flag, expected only flags")
        continue
      }
      let parts = argument.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let flag = String(parts[0])
      guard let declaration = known[flag]?.first else {
        problems.append("--\(flag): no such flag\(suggestion(for: flag, among: known.keys))")
        continue
      }
      var text = parts.count == 2 ? String(parts[1]) : nil
      if text == nil, let next = rest.first, !next.hasPrefix("--") { text = rest.popFirst() }
      if text == nil, declaration.isSwitch { text = "true" }
      guard let text else {
        problems.append("--\(flag): has no value, expected \(declaration.expected)")
        continue
      }
      if values.updateValue(text, forKey: flag) != nil {
        problems.append("--\(flag): given twice, expected once")
      }
    }
  }

  /// `, did you mean --x?` when a known flag is near, else where to look.
  private func suggestion(for flag: String, among known: some Collection<String>) -> String {
    let nearest = known.map { (distance: editDistance(flag, $0), flag: $0) }
      .min { ($0.distance, $0.flag) < ($1.distance, $1.flag) }
    guard let nearest, nearest.distance <= max(2, flag.count / 3) else { return "" }
    return ", did you mean --\(nearest.flag)?"
  }
}

/// How many single-character edits turn `a` into `b` (Levenshtein); long input is cut, as flags are short.
func editDistance(_ a: String, _ b: String) -> Int {
  let a = Array(a.unicodeScalars.prefix(64))
  let b = Array(b.unicodeScalars.prefix(64))
  var row = Array(0...b.count)
  for (i, x) in a.enumerated() {
    var diagonal = row[0]
    row[0] = i + 1
    for (j, y) in b.enumerated() {
      let substituted = diagonal + (x == y ? 0 : 1)
      diagonal = row[j + 1]
      row[j + 1] = min(substituted, row[j] + 1, diagonal + 1)
    }
  }
  return row[b.count]
}

/// `text` in quotes, escaped and cut, fit for one line of a message.
func quoted(_ text: String) -> String {
  String(reflecting: text.count > 80 ? text.prefix(80) + "…" : text)
}
