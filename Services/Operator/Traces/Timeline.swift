import Contract

/// The steps of one trace as lines: who did what, when, for how long, and as a part of what.
struct Timeline {
  private static let indentLimit = 12

  let trace: String
  let steps: [TraceStep]

  /// For the terminal.
  var lines: [String] {
    guard let first = steps.first else { return [] }
    let end = steps.map { $0.began + $0.took }.max() ?? first.began
    let services = Set(steps.map(\.service))
    let head =
      "trace \(trace): \(steps.count) \(steps.count == 1 ? "step" : "steps") in \(services.sorted().joined(separator: ", ")), "
      + (end - first.began).inPreciseMilliseconds
    let rows = steps.map { step in
      [
        "+\((step.began - first.began).inPreciseMilliseconds)", step.isStep ? step.took.inPreciseMilliseconds : "",
        step.origin, String(repeating: "  ", count: depth(of: step)) + "\(step.kind) \(step.name)",
        step.details.map { "\($0.name)=\($0.value)" }.joined(separator: " "),
      ]
    }
    let widths = [0, 1].map { column in rows.map { $0[column].count }.max() ?? 0 }
    // Numbers end below one another.
    let numbered = rows.map { row in
      row.enumerated().map { column, cell in
        column < 2 ? String(repeating: " ", count: widths[column] - cell.count) + cell : cell
      }
    }
    return [head, ""] + aligned([["AT", "TOOK", "WHO", "WHAT", ""]] + numbered)
  }

  /// How many of the steps here it is a part of.
  private func depth(of step: TraceStep) -> Int {
    var depth = 0
    var parent = step.parent
    while depth < Self.indentLimit, let id = parent, let above = steps.first(where: { $0.isStep && $0.span == id }) {
      depth += 1
      parent = above.parent
    }
    return depth
  }
}

extension Duration {
  /// Milliseconds with one digit after the point, for people.
  var inPreciseMilliseconds: String {
    let tenths = Int((self / .microseconds(100)).rounded())
    return "\(tenths / 10).\(tenths % 10) ms"
  }
}
