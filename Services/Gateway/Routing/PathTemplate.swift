/// The path of a route with its values in braces, taken apart: `/api/v1/users/{user}`.
struct PathTemplate: Hashable, Sendable {
  /// One segment: a word, or the name of a value.
  enum Part: Hashable, Sendable {
    case word(String)
    case value(String)
  }

  /// Segments that a path may have; longer ones match nothing.
  static let maximumParts = 32

  let parts: [Part]

  /// Takes `text` apart; nil unless it begins with a slash, has no empty segments, and names each value once.
  init?(_ text: String) {
    guard text.hasPrefix("/"), text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && !"?#%\\".utf8.contains($0) }) else {
      return nil
    }
    var parts: [Part] = []
    var names: Set<Substring> = []
    if text != "/" {
      for segment in text.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
        guard !segment.isEmpty, segment != ".", segment != ".." else { return nil }
        if segment.hasPrefix("{"), segment.hasSuffix("}") {
          let name = segment.dropFirst().dropLast()
          guard Self.isName(name), names.insert(name).inserted else { return nil }
          parts.append(.value(String(name)))
        } else {
          guard !segment.contains("{"), !segment.contains("}") else { return nil }
          parts.append(.word(String(segment)))
        }
      }
    }
    guard parts.count <= Self.maximumParts else { return nil }
    self.parts = parts
  }

  /// The names in braces, in their order.
  var names: [String] {
    parts.compactMap { if case .value(let name) = $0 { name } else { nil } }
  }

  private static func isName(_ name: Substring) -> Bool {
    !name.isEmpty && name.utf8.allSatisfy { $0.isASCIILetter || $0.isASCIIDigit || $0 == UInt8(ascii: "_") }
  }
}

extension UInt8 {
  var isASCIILetter: Bool { self | 0x20 >= UInt8(ascii: "a") && self | 0x20 <= UInt8(ascii: "z") }
  var isASCIIDigit: Bool { self >= UInt8(ascii: "0") && self <= UInt8(ascii: "9") }
}
