/// Takes English endings off: "connected", "connecting" and "connections" become "connect" (M. F. Porter, "An algorithm for
/// suffix stripping", Program 14(3), 1980).
///
/// The stem need not be a word; it only has to be the same for forms of one. Words are in lower case, letters a to z.
struct PorterStemmer {
  private var word: [UInt8]

  /// The stem of `word`; of one with anything but the letters a to z in it, or of at most two, the word itself.
  static func stem(_ word: String) -> String {
    guard word.utf8.count > 2, word.utf8.allSatisfy({ (97...122).contains($0) }) else { return word }
    var stemmer = PorterStemmer(word: Array(word.utf8))
    stemmer.removePlural()
    stemmer.removePastAndProgressive()
    stemmer.softenY()
    stemmer.replace(Self.doubleSuffixes)
    stemmer.replace(Self.simpleSuffixes)
    stemmer.removeLastSuffix()
    stemmer.removeFinalE()
    return String(decoding: stemmer.word, as: UTF8.self)
  }

  // MARK: The steps of the paper

  /// Step 1a.
  private mutating func removePlural() {
    if ends("sses") || ends("ies") {
      word.removeLast(2)
    } else if ends("s"), !ends("ss") {
      word.removeLast()
    }
  }

  /// Step 1b.
  private mutating func removePastAndProgressive() {
    if ends("eed") {
      if measure(before: 3) > 0 { word.removeLast() }
      return
    }
    guard let length = ends("ed") ? 2 : ends("ing") ? 3 : nil, hasVowel(before: length) else { return }
    word.removeLast(length)
    if ends("at") || ends("bl") || ends("iz") {
      word.append(UInt8(ascii: "e"))
    } else if endsInDoubleConsonant, let last = word.last, !"lsz".utf8.contains(last) {
      word.removeLast()
    } else if measure(before: 0) == 1, endsInShortSyllable(before: 0) {
      word.append(UInt8(ascii: "e"))
    }
  }

  /// Step 1c.
  private mutating func softenY() {
    guard ends("y"), hasVowel(before: 1) else { return }
    word[word.count - 1] = UInt8(ascii: "i")
  }

  /// Steps 2 and 3.
  private mutating func replace(_ suffixes: [(suffix: StaticString, by: StaticString)]) {
    guard let (suffix, replacement) = suffixes.first(where: { ends($0.suffix) }) else { return }
    guard measure(before: suffix.utf8CodeUnitCount) > 0 else { return }
    word.removeLast(suffix.utf8CodeUnitCount)
    replacement.withUTF8Buffer { word += $0 }
  }

  private static let doubleSuffixes: [(suffix: StaticString, by: StaticString)] = [
    ("ational", "ate"), ("tional", "tion"), ("enci", "ence"), ("anci", "ance"), ("izer", "ize"), ("abli", "able"),
    ("alli", "al"), ("entli", "ent"), ("eli", "e"), ("ousli", "ous"), ("ization", "ize"), ("ation", "ate"),
    ("ator", "ate"), ("alism", "al"), ("iveness", "ive"), ("fulness", "ful"), ("ousness", "ous"), ("aliti", "al"),
    ("iviti", "ive"), ("biliti", "ble"),
  ]

  private static let simpleSuffixes: [(suffix: StaticString, by: StaticString)] = [
    ("icate", "ic"), ("ative", ""), ("alize", "al"), ("iciti", "ic"), ("ical", "ic"), ("ful", ""), ("ness", ""),
  ]

  /// Step 4.
  private mutating func removeLastSuffix() {
    guard let suffix = Self.lastSuffixes.first(where: { ends($0) }), measure(before: suffix.utf8CodeUnitCount) > 1
    else { return }
    if ends("ion") {
      let before = word.dropLast(3).last
      guard before == UInt8(ascii: "s") || before == UInt8(ascii: "t") else { return }
    }
    word.removeLast(suffix.utf8CodeUnitCount)
  }

  /// Longer ones come before those that they end in.
  private static let lastSuffixes: [StaticString] = [
    "ement", "ance", "ence", "able", "ible", "ment", "ant", "ent", "ism", "ate", "iti", "ous", "ive", "ize", "ion",
    "al",
    "er", "ic", "ou",
  ]

  /// Steps 5a and 5b.
  private mutating func removeFinalE() {
    if ends("e") {
      let measure = measure(before: 1)
      if measure > 1 || measure == 1 && !endsInShortSyllable(before: 1) { word.removeLast() }
    }
    if ends("ll"), measure(before: 0) > 1 { word.removeLast() }
  }

  // MARK: What the paper's conditions ask

  private func ends(_ suffix: StaticString) -> Bool {
    let rest = word.count - suffix.utf8CodeUnitCount
    guard rest >= 0 else { return false }
    return suffix.withUTF8Buffer { letters in letters.indices.allSatisfy { word[rest + $0] == letters[$0] } }
  }

  private func isConsonant(_ index: Int) -> Bool {
    switch word[index] {
    case UInt8(ascii: "a"), UInt8(ascii: "e"), UInt8(ascii: "i"), UInt8(ascii: "o"), UInt8(ascii: "u"): false
    case UInt8(ascii: "y"): index == 0 || !isConsonant(index - 1)
    default: true
    }
  }

  /// How often a vowel is followed by a consonant, without the last `ending` letters: the paper's m.
  private func measure(before ending: Int) -> Int {
    var changes = 0
    var wasVowel = false
    for index in 0..<(word.count - ending) {
      let isVowel = !isConsonant(index)
      if wasVowel, !isVowel { changes += 1 }
      wasVowel = isVowel
    }
    return changes
  }

  private func hasVowel(before ending: Int) -> Bool { (0..<(word.count - ending)).contains { !isConsonant($0) } }

  private var endsInDoubleConsonant: Bool {
    word.count >= 2 && word[word.count - 1] == word[word.count - 2] && isConsonant(word.count - 1)
  }

  /// Consonant, vowel, consonant, of which the last is not w, x or y: the paper's *o.
  private func endsInShortSyllable(before ending: Int) -> Bool {
    let end = word.count - ending
    guard end >= 3, isConsonant(end - 3), !isConsonant(end - 2), isConsonant(end - 1) else { return false }
    return !"wxy".utf8.contains(word[end - 1])
  }
}
