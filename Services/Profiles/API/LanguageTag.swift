import Contract

/// A language by its tag (BCP 47, RFC 5646, section 2.1), in the customary case: `de`, `pt-BR`, `zh-Hant-TW`.
///
/// The tag must be well formed; a language of two letters must be one of ISO 639-1. Private tags and those that were
/// registered before the grammar are refused.
public struct LanguageTag: FormedText {
  private static let maximumLength = 35

  /// The tag.
  public let text: String

  /// Reads a tag; nil for what is none.
  public init?(_ text: String) {
    guard text.utf8.count <= Self.maximumLength else { return nil }
    var rest = text.lowercased().split(separator: "-", omittingEmptySubsequences: false)[...]
    guard rest.allSatisfy(Self.isAlphanumeric), let language = rest.popFirst(), Self.isLanguage(language) else {
      return nil
    }
    var parts = [String(language)]
    func take(_ matches: (Substring) -> Bool, _ written: (Substring) -> String = { String($0) }) -> Bool {
      guard let part = rest.first, matches(part) else { return false }
      rest.removeFirst()
      parts.append(written(part))
      return true
    }
    if language.count <= 3 { for _ in 0..<3 where !take({ $0.count == 3 && Self.isAlphabetic($0) }) { break } }
    _ = take({ $0.count == 4 && Self.isAlphabetic($0) }) { $0.prefix(1).uppercased() + $0.dropFirst() }
    _ = take({ Self.isRegion($0) }) { $0.uppercased() }
    var variants: Set<Substring> = []
    while let variant = rest.first, Self.isVariant(variant) {
      guard variants.insert(variant).inserted, take({ _ in true }) else { return nil }
    }
    var singletons: Set<Substring> = []
    while let singleton = rest.first, singleton.count == 1, singleton != "x" {
      guard singletons.insert(singleton).inserted, take({ _ in true }), take({ $0.count >= 2 && $0.count <= 8 }) else {
        return nil
      }
      while take({ $0.count >= 2 && $0.count <= 8 }) {}
    }
    guard rest.isEmpty else { return nil }
    self.text = parts.joined(separator: "-")
  }

  /// The language alone, without script and region.
  public var language: Substring { text.prefix { $0 != "-" } }

  /// The tag.
  public var description: String { text }

  private static func isAlphanumeric(_ part: Substring) -> Bool {
    part.utf8.allSatisfy { (48...57).contains($0) || (97...122).contains($0) }
  }

  private static func isAlphabetic(_ part: Substring) -> Bool { part.utf8.allSatisfy { (97...122).contains($0) } }

  private static func isLanguage(_ part: Substring) -> Bool {
    guard isAlphabetic(part) else { return false }
    return part.count == 2 ? known.contains(String(part)) : part.count == 3
  }

  private static func isRegion(_ part: Substring) -> Bool {
    part.count == 2 && isAlphabetic(part) || part.count == 3 && part.utf8.allSatisfy { (48...57).contains($0) }
  }

  private static func isVariant(_ part: Substring) -> Bool {
    (5...8).contains(part.count) || part.count == 4 && part.utf8.first.map { (48...57).contains($0) } ?? false
  }

  /// ISO 639-1.
  private static let known = Set(
    """
    aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en eo es
    et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki
    kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no
    nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta te
    tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu
    """.split { $0 == " " || $0 == "\n" }.map(String.init))

  /// What is said about text that is no tag.
  public static var malformed: InvalidValue {
    InvalidValue("language", "must be a language tag of BCP 47 such as de or pt-BR")
  }
  /// Text of limited length.
  public static var schema: Schema { .string(length: 2...maximumLength) }
  /// Some language.
  public static var sample: LanguageTag { LanguageTag("en")! }
}
