/// An address with a scheme: `redis://127.0.0.1:6379/0`. Only its outline is checked; whoever uses it reads the rest. One
/// that carries a password belongs in a `Secret`.
public struct ServiceURL: OptionValue, Hashable, CustomStringConvertible {
  /// The whole address.
  public let text: String
  /// What stands before `://`, in lower case.
  public let scheme: String

  /// What to write.
  public static var expected: String { "a URL such as scheme://host:port/path" }

  /// A scheme, `://`, and something without spaces.
  public init?(option text: String) {
    guard let mark = text.firstRange(of: "://"), mark.upperBound < text.endIndex else { return nil }
    let scheme = text[..<mark.lowerBound].lowercased()
    let isScheme = scheme.utf8.allSatisfy {
      (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2B || $0 == 0x2D || $0 == 0x2E
    }
    guard isScheme, scheme.utf8.first.map({ (0x61...0x7A).contains($0) }) == true else { return nil }
    guard text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else { return nil }
    self.text = text
    self.scheme = scheme
  }

  /// The whole address.
  public var optionText: String { text }
  /// The whole address.
  public var description: String { text }
}
