import Contract

/// What text from members must be: so long, and nothing in it that can make it look like other text.
///
/// It is text and nothing else: a `<` is a less-than sign, kept as it is; whoever shows it escapes it.
struct TextRule {
  /// In characters, without the spaces around the text.
  let length: ClosedRange<Int>
  /// Whether it may have several lines.
  var hasLines = false

  /// A character may be made of very many parts.
  private var maximumBytes: Int { 4 * length.upperBound }

  /// The text as it is kept. Throws `InvalidValue` for what is not acceptable.
  func accept(_ text: String) throws(InvalidValue) -> String {
    guard text.utf8.count <= 2 * maximumBytes else { throw tooLong }
    let trimmed = text.trimmed
    let kept = hasLines ? trimmed.replacing("\r\n", with: "\n") : trimmed
    guard kept.count >= length.lowerBound else {
      let isEmpty = kept.isEmpty
      throw InvalidValue(
        "too_short", isEmpty ? "must not be empty" : "must have at least \(length.lowerBound) characters")
    }
    guard kept.utf8.count <= maximumBytes, kept.count <= length.upperBound else { throw tooLong }
    guard kept.unicodeScalars.allSatisfy(isAcceptable) else {
      throw InvalidValue("characters", "must not contain control characters\(hasLines ? " but line breaks" : "")")
    }
    return kept
  }

  private var tooLong: InvalidValue {
    InvalidValue("too_long", "must have at most \(length.upperBound) characters")
  }

  /// Joiners, which some scripts and emoji need, and the tags of flags are format characters too; the others turn the
  /// direction of the text around them.
  private func isAcceptable(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control: hasLines && (scalar == "\n" || scalar == "\t")
    case .privateUse, .surrogate, .unassigned, .lineSeparator, .paragraphSeparator: false
    case .format: scalar.value == 0x200C || scalar.value == 0x200D || (0xE0020...0xE007F).contains(scalar.value)
    default: true
    }
  }

  /// The shape on the wire.
  var schema: Schema { .string(length: length) }
}
