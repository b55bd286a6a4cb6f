import Contract
import Wire

/// One line that a program of the mesh has logged, read from either of the two forms (`LogLine` writes them).
struct LogRecord: Equatable {
  /// What a line says beside its message.
  struct Field: Equatable {
    let name: String
    let value: String
  }

  /// When it was written.
  let time: Timestamp
  /// `info`, in small letters.
  let level: String
  /// Who wrote it: `messaging/0`.
  let origin: String
  let message: String
  let fields: [Field]

  /// The value of the first field of that name.
  subscript(name: String) -> String? { fields.first { $0.name == name }?.value }

  /// Nil for a line of another program.
  init?(_ line: Substring) {
    if line.first == "{" { self.init(json: line) } else { self.init(pretty: line) }
  }

  private init?(json line: Substring) {
    guard let object = try? JSONValue.parse(Array(line.utf8)),
      let time = object["time"]?.string.flatMap(Timestamp.init),
      let level = object["level"]?.string, let service = object["service"]?.string,
      let message = object["message"]?.string
    else { return nil }
    (self.time, self.level, self.message) = (time, level, message)
    origin = object["replica"]?.string.map { "\(service)/\($0)" } ?? service
    let own: Set = ["time", "level", "service", "replica", "message"]
    fields = object.members.filter { !own.contains($0.name) }.map { name, value in
      Field(name: name, value: value.string ?? String(decoding: value.text, as: UTF8.self))
    }
  }

  /// `2025-01-31T12:00:00.123Z INFO  messaging/0  the message  name=value  other="a value"`
  private init?(pretty line: Substring) {
    let words = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
    guard words.count == 2, let time = Timestamp(String(words[0])) else { return nil }
    // The level is as wide as the longest.
    let level = words[1].prefix { $0 != " " }
    let rest = words[1].dropFirst(level.count).drop { $0 == " " }
    let parts = Self.parts(of: rest)
    guard !level.isEmpty, parts.count >= 2 else { return nil }
    (self.time, self.level, origin, message) = (time, level.lowercased(), String(parts[0]), String(parts[1]))
    fields = parts.dropFirst(2).compactMap(Self.field)
  }

  /// The parts of a line, which two spaces keep apart. Within quotation marks they do not.
  private static func parts(of text: Substring) -> [Substring] {
    var parts: [Substring] = []
    var start = text.startIndex
    var (isQuoted, isEscaped, wasSpace) = (false, false, false)
    for index in text.indices {
      let character = text[index]
      if isEscaped {
        isEscaped = false
      } else if character == "\\" {
        isEscaped = true
      } else if character == "\"" {
        isQuoted.toggle()
      } else if character == " ", wasSpace, !isQuoted {
        let end = text.index(before: index)
        if start < end { parts.append(text[start..<end]) }
        start = text.index(after: index)
      }
      wasSpace = character == " " && !isQuoted && start <= index
    }
    if start < text.endIndex { parts.append(text[start...]) }
    return parts
  }

  private static func field(_ part: Substring) -> Field? {
    guard let equals = part.firstIndex(of: "=") else { return nil }
    let value = part[part.index(after: equals)...]
    let name = String(part[..<equals])
    guard value.first == "\"" else { return Field(name: name, value: String(value)) }
    // What is quoted is written as JSON writes text.
    return Field(name: name, value: (try? JSONValue.parse(Array(value.utf8)))?.string ?? String(value))
  }
}
