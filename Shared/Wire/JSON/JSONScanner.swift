/// Why a text is not JSON as it is accepted here.
public struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What is wrong.
  public enum Reason: String, Sendable {
    case unexpectedByte = "a byte that cannot stand here"
    case unexpectedEnd = "the text ends too early"
    case trailingText = "something follows the value"
    case invalidUTF8 = "the text is not UTF-8"
    case invalidEscape = "a backslash with no meaning, or half of a surrogate pair"
    case controlCharacter = "a control character that is not escaped"
    case invalidNumber = "a number that is not written as JSON wants"
    case tooDeep = "more than 64 values lie in one another"
    case duplicateName = "two members of one object have the same name"
    case tooLong = "the text is longer than 1 GiB"
  }

  /// What is wrong.
  public let reason: Reason
  /// Where, in bytes from the beginning.
  public let offset: Int

  /// One line, for people.
  public var description: String { "not valid JSON at byte \(offset): \(reason.rawValue)" }
}

/// JSON's grammar.
public enum JSONText {
  /// How many arrays and objects may lie in one another.
  public static let maximumDepth = 64

  /// Checks that `bytes` are one JSON value (RFC 8259) in UTF-8 without halves of surrogate pairs. Builds and allocates
  /// nothing; it does not see names that occur twice, which `JSONValue.parse` refuses.
  public static func check(_ bytes: UnsafeRawBufferPointer) throws(JSONError) {
    var sink = NoSink()
    var scanner = JSONScanner(bytes: bytes)
    try scanner.scan(into: &sink)
  }

  /// Checks an array of bytes.
  public static func check(_ bytes: [UInt8]) throws(JSONError) {
    let outcome: Result<Void, JSONError> = bytes.withUnsafeBytes { raw in
      Result { () throws(JSONError) in try check(raw) }
    }
    try outcome.get()
  }

  private struct NoSink: JSONSink {
    mutating func open(isObject: Bool, at start: Int) {}
    mutating func close(at end: Int) {}
    mutating func string(_ range: Range<Int>, isName: Bool, isEscaped: Bool) {}
    mutating func number(_ range: Range<Int>, isWhole: Bool) {}
    mutating func word(_ first: UInt8, at start: Int) {}
  }
}

/// What the scanner finds, in the order of the text.
protocol JSONSink {
  mutating func open(isObject: Bool, at start: Int) throws(JSONError)
  mutating func close(at end: Int) throws(JSONError)
  /// `range` lies between the quotes.
  mutating func string(_ range: Range<Int>, isName: Bool, isEscaped: Bool) throws(JSONError)
  mutating func number(_ range: Range<Int>, isWhole: Bool) throws(JSONError)
  /// `true`, `false` or `null`, by its first letter.
  mutating func word(_ first: UInt8, at start: Int) throws(JSONError)
}

/// Reads one JSON text from end to end. What is open is one bit a level: 64 levels in a word.
struct JSONScanner {
  private let bytes: UnsafeRawBufferPointer
  private var position = 0
  private var depth = 0
  private var objects: UInt64 = 0

  init(bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  private func failure(_ reason: JSONError.Reason) -> JSONError { JSONError(reason: reason, offset: position) }

  mutating func scan(into sink: inout some JSONSink) throws(JSONError) {
    guard bytes.count <= 1 << 30 else { throw failure(.tooLong) }
    repeat {
      // Here a value begins; after it, whatever it ends is closed.
      var isEmpty = false
      switch try nextToken() {
      case UInt8(ascii: "{"):
        try open(isObject: true, &sink)
        isEmpty = try nextToken() == UInt8(ascii: "}")
        if !isEmpty { try name(&sink) }
      case UInt8(ascii: "["):
        try open(isObject: false, &sink)
        isEmpty = try nextToken() == UInt8(ascii: "]")
      case UInt8(ascii: "\""):
        let (range, isEscaped) = try string()
        try sink.string(range, isName: false, isEscaped: isEscaped)
        try endOfValue(&sink)
        continue
      case let first where first == UInt8(ascii: "-") || Self.isDigit(first):
        let (range, isWhole) = try number()
        try sink.number(range, isWhole: isWhole)
        try endOfValue(&sink)
        continue
      case let first:
        try word(first, &sink)
        try endOfValue(&sink)
        continue
      }
      if isEmpty {
        try close(&sink)
        try endOfValue(&sink)
      }
    } while depth > 0
    skipSpace()
    guard position == bytes.count else { throw failure(.trailingText) }
  }

  /// After a value: a comma and the beginning of the next one, or the ends of what it stood in.
  private mutating func endOfValue(_ sink: inout some JSONSink) throws(JSONError) {
    while depth > 0 {
      let isObject = objects & 1 == 1
      let token = try nextToken()
      if token == UInt8(ascii: ",") {
        position += 1
        if isObject {
          guard try nextToken() == UInt8(ascii: "\"") else { throw failure(.unexpectedByte) }
          try name(&sink)
        }
        return
      }
      guard token == (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) else { throw failure(.unexpectedByte) }
      try close(&sink)
    }
  }

  private mutating func open(isObject: Bool, _ sink: inout some JSONSink) throws(JSONError) {
    guard depth < JSONText.maximumDepth else { throw failure(.tooDeep) }
    try sink.open(isObject: isObject, at: position)
    objects = objects << 1 | (isObject ? 1 : 0)
    depth += 1
    position += 1
  }

  private mutating func close(_ sink: inout some JSONSink) throws(JSONError) {
    objects >>= 1
    depth -= 1
    position += 1
    try sink.close(at: position)
  }

  private mutating func name(_ sink: inout some JSONSink) throws(JSONError) {
    guard try nextToken() == UInt8(ascii: "\"") else { throw failure(.unexpectedByte) }
    let (range, isEscaped) = try string()
    try sink.string(range, isName: true, isEscaped: isEscaped)
    guard try nextToken() == UInt8(ascii: ":") else { throw failure(.unexpectedByte) }
    position += 1
  }

  private mutating func word(_ first: UInt8, _ sink: inout some JSONSink) throws(JSONError) {
    let word: StaticString
    switch first {
    case UInt8(ascii: "t"): word = "true"
    case UInt8(ascii: "f"): word = "false"
    case UInt8(ascii: "n"): word = "null"
    default: throw failure(.unexpectedByte)
    }
    let start = position
    for index in 0..<word.utf8CodeUnitCount {
      guard position < bytes.count else { throw failure(.unexpectedEnd) }
      guard bytes[position] == word.utf8Start[index] else { throw failure(.unexpectedByte) }
      position += 1
    }
    try sink.word(first, at: start)
  }

  private mutating func number() throws(JSONError) -> (Range<Int>, isWhole: Bool) {
    let start = position
    var isWhole = true
    if peek() == UInt8(ascii: "-") { position += 1 }
    if peek() == UInt8(ascii: "0") {
      position += 1
    } else {
      try digits()
    }
    if peek() == UInt8(ascii: ".") {
      isWhole = false
      position += 1
      try digits()
    }
    if peek() | 0x20 == UInt8(ascii: "e") {
      isWhole = false
      position += 1
      if peek() == UInt8(ascii: "+") || peek() == UInt8(ascii: "-") { position += 1 }
      try digits()
    }
    if Self.isDigit(peek()) { throw failure(.invalidNumber) }
    return (start..<position, isWhole)
  }

  private mutating func digits() throws(JSONError) {
    let start = position
    while Self.isDigit(peek()) { position += 1 }
    guard position > start else { throw failure(position == bytes.count ? .unexpectedEnd : .invalidNumber) }
  }

  /// Reads a string; `position` is at its opening quote, and afterwards behind its closing one.
  private mutating func string() throws(JSONError) -> (Range<Int>, isEscaped: Bool) {
    position += 1
    let start = position
    var isEscaped = false
    while position < bytes.count {
      let byte = bytes[position]
      if byte == UInt8(ascii: "\"") {
        position += 1
        return (start..<position - 1, isEscaped)
      }
      if byte == UInt8(ascii: "\\") {
        isEscaped = true
        try escape()
      } else if byte < 0x20 {
        throw failure(.controlCharacter)
      } else if byte < 0x80 {
        position += 1
      } else {
        try character(beginningWith: byte)
      }
    }
    throw failure(.unexpectedEnd)
  }

  private mutating func escape() throws(JSONError) {
    position += 1
    guard position < bytes.count else { throw failure(.unexpectedEnd) }
    switch bytes[position] {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
      UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      position += 1
    case UInt8(ascii: "u"):
      position += 1
      let unit = try hexadecimal()
      if unit & 0xfc00 == 0xd800 {
        guard peek() == UInt8(ascii: "\\"), position + 1 < bytes.count, bytes[position + 1] == UInt8(ascii: "u") else {
          throw failure(.invalidEscape)
        }
        position += 2
        guard try hexadecimal() & 0xfc00 == 0xdc00 else { throw failure(.invalidEscape) }
      } else if unit & 0xfc00 == 0xdc00 {
        throw failure(.invalidEscape)
      }
    default: throw failure(.invalidEscape)
    }
  }

  private mutating func hexadecimal() throws(JSONError) -> UInt16 {
    guard position + 4 <= bytes.count else { throw failure(.unexpectedEnd) }
    var unit: UInt16 = 0
    for _ in 0..<4 {
      guard let digit = JSONScanner.hexDigit(bytes[position]) else { throw failure(.invalidEscape) }
      unit = unit << 4 | digit
      position += 1
    }
    return unit
  }

  static func hexDigit(_ byte: UInt8) -> UInt16? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt16(byte & 15)
    case UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: "A")...UInt8(ascii: "F"): UInt16(byte & 15) + 9
    default: nil
    }
  }

  /// Passes over one character of more than one byte (the well-formed sequences of the Unicode standard, table 3-7).
  private mutating func character(beginningWith first: UInt8) throws(JSONError) {
    let length: Int
    let second: ClosedRange<UInt8>
    switch first {
    case 0xc2...0xdf: (length, second) = (2, 0x80...0xbf)
    case 0xe0: (length, second) = (3, 0xa0...0xbf)
    case 0xed: (length, second) = (3, 0x80...0x9f)
    case 0xe1...0xef: (length, second) = (3, 0x80...0xbf)
    case 0xf0: (length, second) = (4, 0x90...0xbf)
    case 0xf1...0xf3: (length, second) = (4, 0x80...0xbf)
    case 0xf4: (length, second) = (4, 0x80...0x8f)
    default: throw failure(.invalidUTF8)
    }
    guard position + length <= bytes.count, second.contains(bytes[position + 1]) else { throw failure(.invalidUTF8) }
    for index in 2..<max(2, length) where bytes[position + index] & 0xc0 != 0x80 { throw failure(.invalidUTF8) }
    position += length
  }

  private mutating func skipSpace() {
    while position < bytes.count {
      let byte = bytes[position]
      guard byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 else { return }
      position += 1
    }
  }

  /// The first byte that is not white space.
  private mutating func nextToken() throws(JSONError) -> UInt8 {
    skipSpace()
    guard position < bytes.count else { throw failure(.unexpectedEnd) }
    return bytes[position]
  }

  /// The next byte, or 0 at the end.
  private func peek() -> UInt8 { position < bytes.count ? bytes[position] : 0 }

  private static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }
}
