import Foundation

/// One figure, and what it is held against.
public struct Figure: Codable {
  /// What was measured.
  public let name: String
  /// Under which setting, where there are several.
  public var setting = ""
  /// How much it was, in `unit`.
  public let value: Double
  /// The unit of `value`.
  public let unit: String
  /// What it is held against, in words and figures.
  public var against = ""
  /// What it must be, in `unit`.
  public var must: Double?
  /// What it should become, in `unit`.
  public var reach: Double?
  /// Whether less is better.
  public var lessIsBetter = false
  /// What it cost each process.
  public var costs: [Cost] = []
  /// What else there is to say.
  public var note = ""

  /// States a figure.
  public init(_ name: String, _ value: Double, _ unit: String) {
    (self.name, self.value, self.unit) = (name, value, unit)
  }

  fileprivate func verdict(_ bound: Double?) -> String {
    guard let bound else { return "–" }
    let isMet = lessIsBetter ? value <= bound : value >= bound
    return "\(lessIsBetter ? "≤" : "≥") \(Report.format(bound)) \(isMet ? "met" : "**missed**")"
  }
}

/// The figures as a Markdown table and as JSON.
public struct Report: Codable {
  /// Facts about the machine, by name.
  public var machine = Dictionary(uniqueKeysWithValues: Machine.facts)
  /// How things were set, by name.
  public var tuning: [String: String] = [:]
  /// What was measured.
  public private(set) var figures: [Figure] = []

  /// An empty report, with the facts about the machine as it is before the load.
  public init() {}

  /// Adds a figure, and tells whoever waits for the report.
  public mutating func add(_ figure: Figure) {
    figures.append(figure)
    let name = figure.setting.isEmpty ? figure.name : "\(figure.setting): \(figure.name)"
    BenchProgram.say("\(name): \(Self.format(figure.value, figure.unit)) \(figure.note)")
  }

  /// A number as people like it: three digits or so.
  public static func format(_ value: Double, _ unit: String = "") -> String {
    let text =
      switch abs(value) {
      case 1e6...: String(format: "%.2f M", value / 1e6)
      case 1e4...: String(format: "%.1f k", value / 1e3)
      case 100...: String(format: "%.0f", value)
      case 10...: String(format: "%.1f", value)
      default: String(format: "%.2f", value)
      }
    return unit.isEmpty ? text : "\(text) \(unit)"
  }

  var markdown: String {
    var lines = machine.sorted { $0.key < $1.key }.map { "- \($0.key): \($0.value)" }
    lines += tuning.sorted { $0.key < $1.key }.map { "- \($0.key): \($0.value)" }
    lines.append("")
    lines.append("| what | setting | measured | held against | must | reach | CPU µs each | % of a core | note |")
    lines.append("|---|---|---:|---|---|---|---|---|---|")
    for figure in figures {
      let cells = [
        figure.name, figure.setting, Self.format(figure.value, figure.unit), figure.against,
        figure.verdict(figure.must), figure.verdict(figure.reach),
        figure.costs.map { "\($0.process) \(Self.format($0.microseconds))" }.joined(separator: ", "),
        figure.costs.map { String(format: "%.0f", $0.busy) }.joined(separator: ", "), figure.note,
      ]
      lines.append("| " + cells.map { $0.isEmpty ? "–" : $0 }.joined(separator: " | ") + " |")
    }
    return lines.joined(separator: "\n")
  }

  /// Writes the figures as Markdown and as JSON where the last ones of this name were, and returns where.
  func write(as name: String) throws -> String {
    let folder = ".mesh/bench"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    try encoder.encode(self).write(to: URL(fileURLWithPath: "\(folder)/\(name).json"))
    try Data((markdown + "\n").utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name).md"))
    return "\(folder)/\(name).md and .json"
  }
}
