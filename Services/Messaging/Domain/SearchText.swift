import Foundation

/// Text as search sees it: the words in it, each in the form under which all its forms are found.
enum SearchText {
  /// A word, and where it stands.
  struct Word: Equatable {
    /// The form that is compared.
    let stem: String
    /// Where it stands in the text.
    let range: Range<String.Index>
  }

  /// Distinct words of one message that can be found; those after them cannot.
  static let wordLimit = 1000
  /// Words of a query that count.
  static let queryLimit = 8
  /// Letters of a word that count.
  private static let lengthLimit = 64

  /// The words of `text`, in their order. Where a script has no spaces between words, each character is one.
  static func words(in text: String) -> [Word] {
    var words: [Word] = []
    var start: String.Index?
    func end(at index: String.Index) {
      guard let begin = start else { return }
      words.append(Word(stem: stem(of: text[begin..<index]), range: begin..<index))
      start = nil
    }
    var index = text.startIndex
    while index < text.endIndex {
      let next = text.index(after: index)
      let character = text[index]
      if standsAlone(character) {
        end(at: index)
        words.append(Word(stem: stem(of: text[index..<next]), range: index..<next))
      } else if belongsToWord(character) {
        start = start ?? index
      } else if !isWithinWord(index, in: text) {
        end(at: index)
      }
      index = next
    }
    end(at: text.endIndex)
    return words
  }

  /// The different words of a message, as many as can be found.
  static func indexedStems(of text: String) -> Set<String> {
    var stems: Set<String> = []
    for word in words(in: text) where stems.count < wordLimit { stems.insert(word.stem) }
    return stems
  }

  /// The different words of a query, in their order.
  static func queryStems(of text: String) -> [String] {
    var stems: [String] = []
    for word in words(in: text) where !stems.contains(word.stem) && stems.count < queryLimit {
      stems.append(word.stem)
    }
    return stems
  }

  private static func belongsToWord(_ character: Character) -> Bool {
    guard let ascii = character.asciiValue else { return character.isLetter || character.isNumber }
    return isLetterOrDigit(ascii)
  }

  private static func isLetterOrDigit(_ ascii: UInt8) -> Bool {
    switch ascii {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: false
    }
  }

  /// Whether a sign between letters belongs to the word, as the apostrophe of "don't".
  private static func isWithinWord(_ index: String.Index, in text: String) -> Bool {
    guard text[index] == "'" || text[index] == "\u{2019}", index > text.startIndex else { return false }
    let next = text.index(after: index)
    return next < text.endIndex && text[text.index(before: index)].isLetter && text[next].isLetter
  }

  private static func standsAlone(_ character: Character) -> Bool {
    guard !character.isASCII, let scalar = character.unicodeScalars.first else { return false }
    switch scalar.value {
    // Thai, Lao, Myanmar, Khmer, Hiragana and Katakana.
    case 0x0E00...0x0EFF, 0x1000...0x109F, 0x1780...0x17FF, 0x3040...0x30FF: return true
    default: return scalar.properties.isIdeographic
    }
  }

  /// Folds case, width and accents, leaves the apostrophe of "Ada's" and what follows it out, and takes endings off.
  private static func stem(of word: Substring) -> String {
    // Nearly all words of English are so.
    if word.utf8.allSatisfy(isLetterOrDigit) {
      return PorterStemmer.stem(String(Substring(word.utf8.prefix(lengthLimit))).lowercased())
    }
    let beginning = word.prefix { $0 != "'" && $0 != "\u{2019}" }
    let isPossessive = word.dropFirst(beginning.count + 1).lowercased() == "s"
    let letters = isPossessive ? String(beginning) : word.filter { $0 != "'" && $0 != "\u{2019}" }
    let isPlain = letters.utf8.allSatisfy { $0 < 0x80 }
    let folded =
      isPlain
      ? letters.lowercased()
      : letters.folding(options: [.caseInsensitive, .diacriticInsensitive, .widthInsensitive], locale: nil)
    return PorterStemmer.stem(String(folded.prefix(lengthLimit)))
  }
}
