/// A topic: its settings and the logs of its partitions.
final class Topic {
  let name: String
  /// Random; tells a topic from an earlier one of the same name.
  let id: UInt64
  let config: TopicConfig
  let folder: String
  /// By number.
  private(set) var partitions: [PartitionLog] = []

  init(name: String, id: UInt64, config: TopicConfig, folder: String) {
    self.name = name
    self.id = id
    self.config = config
    self.folder = folder
  }

  /// Adds the log of the next partition.
  func add(_ log: PartitionLog) {
    precondition(Int(log.partition) == partitions.count)
    partitions.append(log)
  }
}

/// What a topic's file says: one `name=value` a line.
struct TopicDescription: Equatable {
  var name: String
  var id: UInt64
  var partitions: Int
  var overrides: [String: String]

  /// Kafka's rule for names, which also makes them safe as file names.
  static func isValid(_ name: String) -> Bool {
    (1...249).contains(name.utf8.count) && name != "." && name != ".."
      && name.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
          true
        default: false
        }
      }
  }

  /// The name of a topic's folder; `@` cannot occur in a topic's name. Names too long for one are cut, the id tells them apart.
  static func folder(_ name: String, _ id: UInt64) -> String {
    name.prefix(230) + "@" + String(id, radix: 16)
  }

  var folder: String { Self.folder(name, id) }

  func encoded() -> [UInt8] {
    var lines = ["name=\(name)", "id=\(String(id, radix: 16))", "partitions=\(partitions)"]
    for (key, value) in overrides.sorted(by: { $0.key < $1.key }) { lines.append("config.\(key)=\(value)") }
    return Array((lines.joined(separator: "\n") + "\n").utf8)
  }

  init(name: String, id: UInt64, partitions: Int, overrides: [String: String]) {
    self.name = name
    self.id = id
    self.partitions = partitions
    self.overrides = overrides
  }

  /// Reads what ``encoded()`` wrote; nil when it is not that.
  init?(_ bytes: [UInt8]) {
    var values: [String: String] = [:]
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
      guard let equals = line.firstIndex(of: "=") else { return nil }
      values[String(line[..<equals])] = String(line[line.index(after: equals)...])
    }
    guard let name = values["name"], Self.isValid(name), let id = values["id"].flatMap({ UInt64($0, radix: 16) }),
      let partitions = values["partitions"].flatMap({ Int($0) }), (1...100_000).contains(partitions)
    else { return nil }
    var overrides: [String: String] = [:]
    for (key, value) in values where key.hasPrefix("config.") { overrides[String(key.dropFirst(7))] = value }
    self.init(name: name, id: id, partitions: partitions, overrides: overrides)
  }
}
