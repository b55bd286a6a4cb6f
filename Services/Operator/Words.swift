/// The words of a command line that nobody has taken yet.
struct Words {
  private var words: [String]
  init(_ words: [String]) { self.words = words }

  var isEmpty: Bool { words.isEmpty }

  mutating func next() -> String? { words.isEmpty ? nil : words.removeFirst() }

  mutating func require(_ what: String) throws(UsageError) -> String {
    guard let word = next() else { throw UsageError("\(what) is missing") }
    return word
  }

  mutating func require(option: String) throws(UsageError) -> String {
    guard let value = try take(option: option) else { throw UsageError("\(option) is missing") }
    return value
  }

  mutating func take(flag: String) -> Bool {
    guard let index = words.firstIndex(of: flag) else { return false }
    words.remove(at: index)
    return true
  }

  /// `--option VALUE` or `--option=VALUE`, wherever it stands; nil when it is not there.
  mutating func take(option: String) throws(UsageError) -> String? {
    if let index = words.firstIndex(where: { $0.hasPrefix("\(option)=") }) {
      return String(words.remove(at: index).dropFirst(option.count + 1))
    }
    guard let index = words.firstIndex(of: option) else { return nil }
    words.remove(at: index)
    guard index < words.count, !words[index].hasPrefix("--") else { throw UsageError("\(option) has no value") }
    return words.remove(at: index)
  }
}

/// A command line that makes no sense.
struct UsageError: Error, Equatable, CustomStringConvertible {
  let description: String
  init(_ problem: String) { description = "\(problem); see ./mesh help" }
}
