import MessagingAPI

/// The part of a message that shows why it was found.
struct Excerpt: Equatable {
  /// The longest, in characters, without the dots that stand for what was left out.
  private static let length = 160
  /// What is shown before the first match.
  private static let lead = 40
  private static let dots = "\u{2026}"

  let text: String
  let highlights: [SearchMessages.Highlight]

  /// The part of `body` around the first word that is one of `stems`; nil unless all of them are in it.
  init?(of body: String, finding stems: [String]) {
    let words = SearchText.words(in: body)
    let present = Set(words.map(\.stem))
    guard !stems.isEmpty, stems.allSatisfy(present.contains) else { return nil }
    let matches = words.filter { stems.contains($0.stem) }
    guard let first = matches.first else { return nil }
    let start = body.index(first.range.lowerBound, offsetBy: -Self.lead, limitedBy: body.startIndex) ?? body.startIndex
    let end = body.index(start, offsetBy: Self.length, limitedBy: body.endIndex) ?? body.endIndex
    let opening = start > body.startIndex ? Self.dots : ""
    text = opening + String(body[start..<end]) + (end < body.endIndex ? Self.dots : "")
    highlights = matches.filter { $0.range.lowerBound >= start && $0.range.upperBound <= end }.map { match in
      SearchMessages.Highlight(
        start: opening.utf16.count + body[start..<match.range.lowerBound].utf16.count,
        length: body[match.range].utf16.count)
    }
  }
}
