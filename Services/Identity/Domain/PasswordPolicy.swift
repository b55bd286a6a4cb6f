import Contract
import IdentityAPI

/// Which passwords are too easy to guess (NIST SP 800-63B, section 5.1.1.2): no rules about kinds of characters, but none
/// that everybody tries first.
struct PasswordPolicy: Sendable {
  /// Why a password is refused.
  enum Weakness: Error, Equatable {
    /// Many people choose it, or a word that it is made of.
    case common
    /// It repeats a few characters, or walks along the alphabet, the digits or the keyboard.
    case pattern
    /// It contains the address.
    case containsAddress
  }

  private static let fewestCharacters = 5
  /// What comes after so many characters makes nothing worse.
  private static let judged = 128
  /// What a shorter part of an address has in common with a password is chance.
  private static let shortestTelling = 4
  private static let rows = [
    "abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "qwertzuiop", "asdfghjkl", "zxcvbnm",
  ]

  /// Words in lower case, letters and digits only.
  private let words: Set<Substring>

  /// A policy that knows these words, one a line.
  init(commonWords: String) { words = Set(commonWords.split(whereSeparator: \.isWhitespace)) }

  /// Refuses a password that is too easy to guess, for the holder of `email` where that is known.
  func check(_ password: NewPassword, for email: EmailAddress?) throws(Weakness) {
    let text = String(password.text.lowercased().prefix(Self.judged))
    if let name = email?.localPart, name.utf8.count >= Self.shortestTelling, text.contains(name) {
      throw .containsAddress
    }
    if Set(text).count < Self.fewestCharacters || Self.isWalk(text) { throw .pattern }
    if isCommon(text) { throw .common }
  }

  /// Whether it is a common word as such, or with digits and signs around it, or with the usual ones in place of letters,
  /// or several times.
  private func isCommon(_ text: String) -> Bool {
    let plain = text.filter { $0.isLetter || $0.isNumber }
    let bare = Substring(text).trimming { !$0.isLetter }
    let unmasked = text.map { Self.letters[$0] ?? $0 }
    let candidates = [
      Substring(plain), Substring(bare.filter(\.isLetter)),
      Substring(String(unmasked).filter { $0.isLetter || $0.isNumber }),
      Substring(String(String(unmasked)[...].trimming { !$0.isLetter }).filter(\.isLetter)),
      Substring(String(bare.map { Self.letters[$0] ?? $0 }).filter(\.isLetter)),
    ]
    return candidates.contains { isMadeOfWords(Self.unit(of: $0)) }
  }

  /// Whether nothing but common words of four letters and more, at most three, stand there.
  private func isMadeOfWords(_ text: Substring, atMost count: Int = 3) -> Bool {
    guard count > 0, text.count >= 4 else { return false }
    if words.contains(text) { return true }
    return text.indices.dropFirst(4).contains { middle in
      words.contains(text[..<middle]) && isMadeOfWords(text[middle...], atMost: count - 1)
    }
  }

  /// What `text` repeats; `text` itself when it repeats nothing.
  private static func unit(of text: Substring) -> Substring {
    let characters = Array(text)
    let period = characters.indices.dropFirst().first { period in
      characters.count.isMultiple(of: period) && zip(characters, characters.dropFirst(period)).allSatisfy(==)
    }
    return period.map { text.prefix($0) } ?? text
  }

  private static let letters: [Character: Character] = [
    "@": "a", "4": "a", "3": "e", "1": "i", "!": "i", "0": "o", "$": "s", "5": "s", "7": "t",
  ]

  /// Whether each character is a neighbour of the one before it on one of the rows, with one break at most in five.
  private static func isWalk(_ text: String) -> Bool {
    let pairs = zip(text, text.dropFirst())
    let steps = pairs.count { pair in
      rows.contains { row in
        let together = "\(pair.0)\(pair.1)"
        return row.contains(together) || String(row.reversed()).contains(together)
      }
    }
    return steps * 5 >= (text.count - 1) * 4
  }
}

extension Substring {
  /// Without the characters at both ends for which `isOuter` holds.
  fileprivate func trimming(_ isOuter: (Character) -> Bool) -> Substring {
    var rest = drop(while: isOuter)
    while let last = rest.last, isOuter(last) { rest.removeLast() }
    return rest
  }
}

extension PasswordPolicy.Weakness {
  /// The 422 that a weakness is on the public surface.
  var problem: Problem {
    let field =
      switch self {
      case .common: Problem.Field(pointer: "/password", code: "too_common", detail: "is one that many people choose")
      case .pattern: Problem.Field(pointer: "/password", code: "too_simple", detail: "follows a pattern")
      case .containsAddress:
        Problem.Field(pointer: "/password", code: "contains_email", detail: "must not contain the address")
      }
    return Problem(422, "invalid_fields", "Choose another password; see errors.", errors: [field])
  }
}
