/// A page in the Prometheus text exposition format, version 0.0.4.
struct Exposition {
  private(set) var bytes: [UInt8] = []

  mutating func begin(_ name: String, _ help: String, _ kind: String) {
    bytes += "# HELP \(name) \(Self.escape(help, quotes: false))\n# TYPE \(name) \(kind)\n".utf8
  }

  /// One sample; `labels` come from `labels(_:)`.
  mutating func sample(_ name: String, _ labels: String, _ value: String) {
    bytes += (labels.isEmpty ? "\(name) \(value)\n" : "\(name){\(labels)} \(value)\n").utf8
  }

  /// `a="x",b="y"`.
  static func labels(_ labels: [(name: String, value: String)]) -> String {
    labels.map { "\($0.name)=\"\(escape($0.value, quotes: true))\"" }.joined(separator: ",")
  }

  static func join(_ labels: String, _ more: String) -> String { labels.isEmpty ? more : "\(labels),\(more)" }

  static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    return value == value.rounded() && abs(value) < 1e15 ? Int(value).description : value.description
  }

  private static func escape(_ text: String, quotes: Bool) -> String {
    var escaped = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": escaped += "\\\\"
      case "\n": escaped += "\\n"
      case "\"" where quotes: escaped += "\\\""
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }
}
