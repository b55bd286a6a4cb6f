import Foundation

/// One figure, and what it is held against.
struct Figure: Codable {
  /// What Apache Kafka 3.8 reaches on such a machine, as a range.
  struct Apache: Codable {
    let low: Double
    let high: Double
    /// Whether less is better.
    var lessIsBetter = false

    /// As good as Apache: not beyond the worse end of its range.
    func isMet(by value: Double) -> Bool { lessIsBetter ? value <= high : value >= low }
    /// Twice as good as the better end of its range.
    func isDoubled(by value: Double) -> Bool { lessIsBetter ? value <= low / 2 : value >= high * 2 }
  }

  let name: String
  let flush: String
  let value: Double
  let unit: String
  var apache: Apache?
  /// Bound that decides instead of Apache's figures, where the goal is absolute.
  var must: Double?
  var reach: Double?
  /// CPU seconds per million messages, of the broker and of the load.
  var brokerCPU: Double?
  var clientCPU: Double?
  /// How much of a core each was busy with, in per cent: whichever is near 100 for each of its threads is the limit.
  var brokerBusy: Double?
  var clientBusy: Double?
  var note = ""
}

/// The figures as a Markdown table and as JSON.
struct Report: Codable {
  var machine: [String: String] = [:]
  var tuning: [String: String] = [:]
  var figures: [Figure] = []

  static func format(_ value: Double, _ unit: String = "") -> String {
    let text =
      switch abs(value) {
      case 1e6...: String(format: "%.2f M", value / 1e6)
      case 1e4...: String(format: "%.0f k", value / 1e3)
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
    lines.append(
      "| what | flush | measured | Apache Kafka 3.8 | must | reach | CPU s per M messages: broker / load "
        + "| % of a core: broker / load | note |")
    lines.append("|---|---|---:|---:|---|---|---:|---:|---|")
    for figure in figures {
      lines.append("| " + Self.cells(of: figure).joined(separator: " | ") + " |")
    }
    return lines.joined(separator: "\n")
  }

  private static func cells(of figure: Figure) -> [String] {
    let apache = figure.apache.map { range in
      range.low == range.high ? format(range.low) : "\(format(range.low)) to \(format(range.high))"
    }
    func verdict(_ met: Bool?) -> String { met.map { $0 ? "met" : "**missed**" } ?? "–" }
    let must = figure.apache.map { $0.isMet(by: figure.value) } ?? figure.must.map { figure.value <= $0 }
    let reach = figure.reach.map { figure.value <= $0 } ?? figure.apache.map { $0.isDoubled(by: figure.value) }
    func pair(_ broker: Double?, _ client: Double?) -> String {
      client.map { "\(broker.map { format($0) } ?? "?") / \(format($0))" } ?? "–"
    }
    return [
      figure.name, figure.flush, format(figure.value, figure.unit), apache ?? "–", verdict(must), verdict(reach),
      pair(figure.brokerCPU, figure.clientCPU), pair(figure.brokerBusy, figure.clientBusy), figure.note,
    ]
  }

  func write(to path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    try encoder.encode(self).write(to: URL(fileURLWithPath: path))
  }
}

/// The value below which a share of the samples lies.
func percentile(_ share: Double, of sorted: [Int64]) -> Int64 {
  sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]
}
