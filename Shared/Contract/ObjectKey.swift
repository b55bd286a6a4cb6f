/// The name of a stored object, such as `public/profiles/0197….webp`: one to eight words of letters, digits, `.`, `_` and
/// `-` with slashes between them, none beginning with a dot, at most 200 characters.
///
/// The first word says who may read the object under `/media`: of `public` everyone who knows the name, of `private`
/// whoever holds a link that its service has signed. The second is the service that it belongs to. What was uploaded and
/// not taken over by a service yet lies under `incoming`, and nobody can read it.
///
/// What an object's name stands for never changes: other content has another name. So copies of it can be kept for good.
public struct ObjectKey: FormedText {
  /// Who may read.
  public enum Audience: String, Sendable, CaseIterable {
    /// Everyone who knows the name.
    case `public`
    /// Whoever has a signed link.
    case `private`
    /// Nobody, until a service has taken it over.
    case incoming
  }

  private static let maximumLength = 200
  private static let maximumDepth = 8

  /// The name.
  public let text: String

  /// Reads a name; nil for what is none.
  public init?(_ text: String) {
    let words = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    guard text.utf8.count <= Self.maximumLength, words.count <= Self.maximumDepth, words.allSatisfy(Self.isWord) else {
      return nil
    }
    self.text = text
  }

  /// The name `<audience>/<service>/<name>`.
  ///
  /// - Precondition: `service` and `name` are words as above.
  public init(_ audience: Audience, of service: String, _ name: String) {
    guard let key = ObjectKey("\(audience.rawValue)/\(service)/\(name)") else {
      preconditionFailure("not the name of an object: \(service)/\(name)")
    }
    self = key
  }

  /// The name of an upload that nobody has taken over yet.
  public init(incoming id: UniqueID) { text = "\(Audience.incoming.rawValue)/\(id)" }

  /// Who may read; nil where the first word says nothing about it.
  public var audience: Audience? { words.first.flatMap { Audience(rawValue: String($0)) } }

  /// The service it belongs to: the second word of a public or private name.
  public var service: String? { words.count >= 3 && audience != .incoming ? String(words[1]) : nil }

  /// The words, in order.
  public var words: [Substring] { text.split(separator: "/") }

  /// The name.
  public var description: String { text }

  private static func isWord(_ word: Substring.UTF8View) -> Bool {
    !word.isEmpty && word.first != UInt8(ascii: ".")
      && word.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
          true
        default: false
        }
      }
  }

  /// What is said about text that is no name.
  public static var malformed: InvalidValue { InvalidValue("object_key", "must be the name of a stored object") }

  /// Text.
  public static var schema: Schema { .string(length: 1...maximumLength) }
  /// Some name.
  public static var sample: ObjectKey { ObjectKey(incoming: UniqueID.sample) }
}
