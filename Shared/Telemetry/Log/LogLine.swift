import Glibc

/// One line under construction. Whatever is in the values, it stays one line and cannot steer a terminal: control
/// characters, line separators and direction overrides are escaped.
struct LogLine {
  /// A longer text is cut, with a note of how much is missing.
  static let textLimit = 8_192

  var bytes: [UInt8] = []
  private let format: LogFormat

  init(_ format: LogFormat) {
    self.format = format
    bytes.reserveCapacity(256)
  }

  mutating func begin(at time: Int, _ level: Log.Level, _ origin: [UInt8], _ isColored: Bool) {
    switch format {
    case .json:
      append(#"{"time":""#)
      append(utc: time)
      append(#"","level":""#)
      append(level.rawValue)
      append("\"")
      bytes += origin
    case .pretty:
      append(utc: time)
      append(isColored ? " \u{1B}[\(level.color)m" : " ")
      append(level.padded)
      append(isColored ? "\u{1B}[0m" : "")
      bytes += origin
    }
  }

  mutating func append(service: String, replica: String?) {
    switch format {
    case .json:
      append(field: "service", service)
      if let replica { append(field: "replica", replica) }
    case .pretty:
      append(" ")
      append(escaping: replica.map { "\(service)/\($0)" } ?? service)
    }
  }

  mutating func append(message: String) {
    switch format {
    case .json: append(field: "message", message)
    case .pretty:
      append("  ")
      append(escaping: message)
    }
  }

  mutating func append(_ trace: TraceContext) {
    append(field: "trace_id", trace.traceIDText)
    append(field: "span_id", hexadecimal(trace.spanID))
  }

  mutating func append(field name: String, _ value: any CustomStringConvertible) {
    switch format {
    case .json:
      append(",\"")
      append(escaping: name)
      append("\":")
      if let bare = Self.bare(value) {
        append(bare)
      } else {
        append("\"")
        append(escaping: value.description)
        append("\"")
      }
    case .pretty:
      append("  ")
      append(escaping: name)
      append("=")
      let text = Self.bare(value) ?? value.description
      let isPlain = text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x22 && $0 != 0x3D } && !text.isEmpty
      append(isPlain ? "" : "\"")
      append(escaping: text)
      append(isPlain ? "" : "\"")
    }
  }

  mutating func end() {
    append(format == .json ? "}\n" : "\n")
  }

  /// The value as JSON number or boolean, if it is one.
  private static func bare(_ value: any CustomStringConvertible) -> String? {
    switch value {
    case let number as Int: number.description
    case let flag as Bool: flag.description
    case let duration as Duration: milliseconds(duration)
    case let number as any FixedWidthInteger: number.description
    case let number as Double: number.isFinite ? number.description : nil
    default: nil
    }
  }

  /// Whole milliseconds, with microseconds as decimals where there are any.
  private static func milliseconds(_ duration: Duration) -> String {
    let microseconds = duration.nanosecondsClamped / 1_000
    return microseconds.isMultiple(of: 1_000) ? "\(microseconds / 1_000)" : "\(Double(microseconds) / 1_000)"
  }

  private mutating func append(_ text: String) { bytes += text.utf8 }

  /// Appends `text` with everything escaped that JSON, a line or a terminal would take for more than text.
  private mutating func append(escaping text: String) {
    var count = 0
    for scalar in text.unicodeScalars {
      if count >= Self.textLimit {
        append("… (\(text.utf8.count - count) more bytes)")
        return
      }
      count += UTF8.width(scalar)
      switch scalar.value {
      case 0x22: append("\\\"")
      case 0x5C: append("\\\\")
      case 0x0A: append("\\n")
      case 0x0D: append("\\r")
      case 0x09: append("\\t")
      case 0x00..<0x20, 0x7F..<0xA0, 0x2028...0x202E, 0x2066...0x2069:
        append("\\u")
        let digits = String(scalar.value, radix: 16)
        append(String(repeating: "0", count: 4 - digits.utf8.count) + digits)
      case ..<0x80: bytes.append(UInt8(scalar.value))
      default: bytes += UTF8.encode(scalar)!
      }
    }
  }

  /// RFC 3339 in UTC with milliseconds: `2025-01-31T12:00:00.123Z`.
  private mutating func append(utc time: Int) {
    let (second, nanosecond) = time.quotientAndRemainder(dividingBy: 1_000_000_000)
    var moment: time_t = second
    var date = tm()
    gmtime_r(&moment, &date)
    append(Int(date.tm_year) + 1900, digits: 4)
    bytes.append(UInt8(ascii: "-"))
    append(Int(date.tm_mon) + 1, digits: 2)
    bytes.append(UInt8(ascii: "-"))
    append(Int(date.tm_mday), digits: 2)
    bytes.append(UInt8(ascii: "T"))
    append(Int(date.tm_hour), digits: 2)
    bytes.append(UInt8(ascii: ":"))
    append(Int(date.tm_min), digits: 2)
    bytes.append(UInt8(ascii: ":"))
    append(Int(date.tm_sec), digits: 2)
    bytes.append(UInt8(ascii: "."))
    append(nanosecond / 1_000_000, digits: 3)
    bytes.append(UInt8(ascii: "Z"))
  }

  private mutating func append(_ number: Int, digits: Int) {
    var divisor = 1
    for _ in 1..<digits { divisor *= 10 }
    while divisor > 0 {
      bytes.append(UInt8(ascii: "0") + UInt8(number / divisor % 10))
      divisor /= 10
    }
  }
}

extension Log.Level {
  fileprivate var padded: String {
    switch self {
    case .debug: "DEBUG"
    case .info: "INFO "
    case .warning: "WARN "
    case .error: "ERROR"
    }
  }

  /// The ANSI colour of the level on a terminal.
  fileprivate var color: Int {
    switch self {
    case .debug: 90
    case .info: 32
    case .warning: 33
    case .error: 31
    }
  }
}
