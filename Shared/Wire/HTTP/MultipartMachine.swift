/// Takes apart a form with files (`multipart/form-data`, RFC 7578) while it arrives: bytes in, parts out.
///
/// Strict as the rest: lines end in CR LF, a part has a name, and the last boundary must come. What stands before the first
/// boundary and behind the last is ignored. Memory stays within a piece and one head of a part.
public struct MultipartMachine {
  /// What the form says next.
  public enum Event: Equatable, Sendable {
    /// A part begins.
    case part(Part)
    /// The next bytes of that part.
    case bytes([UInt8])
    /// The part is whole.
    case end
  }

  /// The head of a part.
  public struct Part: Hashable, Sendable {
    /// The name of the form's field.
    public var name: String
    /// The name of the file; nil of a field that is no file. Of a path the last word.
    public var fileName: String?
    /// The media type, as it was sent.
    public var mediaType: String?
  }

  /// Why a form cannot be taken apart.
  public enum Failure: String, Error, Sendable {
    /// The media type names no boundary, or none that can be one (RFC 2046, section 5.1.1).
    case noBoundary = "no_boundary"
    /// A part's head is not as it must be.
    case malformedPart = "malformed_part"
    /// A part's head is longer than 8 KiB, or there are more than 32 parts.
    case tooManyParts = "too_many_parts"
    /// It ended before its last boundary.
    case cutOff = "form_cut_off"
  }

  private enum State {
    case preamble, behindBoundary, head, body, epilogue
  }

  private static let headLimit = 8 * 1024
  private static let partLimit = 32

  /// CR LF and two dashes before the boundary.
  private let delimiter: [UInt8]
  private var state = State.preamble
  /// What is not understood yet. Begins as if a line had ended, since the first boundary may come at once.
  private var bytes: [UInt8] = [13, 10]
  private var parts = 0

  /// Prepares to read a form of this media type.
  public init(mediaType: String) throws(Failure) {
    guard let boundary = Self.parameter("boundary", of: mediaType), (1...70).contains(boundary.utf8.count),
      boundary.last != " ", boundary.utf8.allSatisfy({ (0x20..<0x7f).contains($0) })
    else { throw .noBoundary }
    delimiter = Array("\r\n--\(boundary)".utf8)
  }

  /// Whether a media type is a form with files.
  public static func isForm(_ mediaType: String) -> Bool {
    mediaType.prefix { $0 != ";" && $0 != " " }.lowercased() == "multipart/form-data"
  }

  /// Takes the next bytes; returns what they say.
  public mutating func append(_ input: [UInt8]) throws(Failure) -> [Event] {
    bytes += input
    var events: [Event] = []
    while try step(&events) {}
    return events
  }

  /// Throws unless the form is whole.
  public func finish() throws(Failure) {
    guard case .epilogue = state else { throw .cutOff }
  }

  /// Takes one step; false when more bytes are needed.
  private mutating func step(_ events: inout [Event]) throws(Failure) -> Bool {
    switch state {
    case .preamble, .body:
      let found = bytes.firstIndex(of: delimiter)
      // What may be the beginning of a boundary stays.
      let count = found ?? max(0, bytes.count - delimiter.count + 1)
      if case .body = state, count > 0 { events.append(.bytes(Array(bytes[..<count]))) }
      bytes.removeFirst(count + (found == nil ? 0 : delimiter.count))
      guard found != nil else { return false }
      if case .body = state { events.append(.end) }
      state = .behindBoundary
    case .behindBoundary:
      guard bytes.count >= 2 else { return false }
      if bytes.starts(with: [45, 45]) {
        state = .epilogue
        return true
      }
      let spaces = bytes.prefix { $0 == 0x20 || $0 == 0x09 }.count
      guard spaces <= 64 else { throw .malformedPart }
      guard bytes.count >= spaces + 2 else { return false }
      guard bytes[spaces] == 13, bytes[spaces + 1] == 10 else { throw .malformedPart }
      parts += 1
      guard parts <= Self.partLimit else { throw .tooManyParts }
      // The line's end stays, so that a head without lines ends as any other does.
      bytes.removeFirst(spaces)
      state = .head
    case .head:
      guard let end = bytes.firstIndex(of: [13, 10, 13, 10]) else {
        guard bytes.count <= Self.headLimit else { throw .tooManyParts }
        return false
      }
      guard end <= Self.headLimit else { throw .tooManyParts }
      events.append(.part(try Self.part(bytes[..<end])))
      // A body that is empty begins with its boundary's line end.
      bytes.removeFirst(end + 4)
      state = .body
    case .epilogue:
      bytes = []
      return false
    }
    return true
  }

  private static func part(_ head: ArraySlice<UInt8>) throws(Failure) -> Part {
    guard let text = String(validating: head, as: UTF8.self) else { throw .malformedPart }
    var (name, fileName, mediaType): (String?, String?, String?)
    for line in text.split(separator: "\r\n") {
      guard let colon = line.firstIndex(of: ":") else { throw .malformedPart }
      let value = String(line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" })
      switch line[..<colon].lowercased() {
      case "content-disposition":
        guard name == nil, value.prefix(while: { $0 != ";" }).lowercased() == "form-data" else {
          throw .malformedPart
        }
        name = parameter("name", of: value)
        fileName = parameter("filename", of: value).map {
          String($0.split(omittingEmptySubsequences: false) { $0 == "/" || $0 == "\\" }.last ?? "")
        }
      case "content-type": mediaType = value
      default: break
      }
    }
    guard let name else { throw .malformedPart }
    return Part(name: name, fileName: fileName, mediaType: mediaType)
  }

  /// The parameter of this name in `type; name=value; name="value"`; nil when it is not there. Browsers write a quote
  /// within a value as `%22` (HTML, section 4.10.21.8), others with a backslash before it.
  static func parameter(_ wanted: String, of header: String) -> String? {
    var rest = header[...].drop { $0 != ";" }
    while rest.popFirst() != nil {
      rest = rest.drop { $0 == " " || $0 == "\t" }
      let name = rest.prefix { $0 != "=" && $0 != ";" }
      rest = rest.dropFirst(name.count)
      guard rest.first == "=" else { continue }
      rest.removeFirst()
      var value = ""
      if rest.first == "\"" {
        rest.removeFirst()
        while let character = rest.popFirst(), character != "\"" {
          value.append(character == "\\" ? rest.popFirst() ?? "\\" : character)
        }
        rest = rest.drop { $0 != ";" }
      } else {
        value = String(rest.prefix { $0 != ";" })
        rest = rest.dropFirst(value.count)
        value = String(value.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
      }
      if name.lowercased() == wanted { return value }
    }
    return nil
  }
}

extension [UInt8] {
  /// Where `pattern` first begins.
  fileprivate func firstIndex(of pattern: [UInt8]) -> Int? {
    guard count >= pattern.count else { return nil }
    return withUnsafeBufferPointer { bytes in
      pattern.withUnsafeBufferPointer { pattern in
        let (first, last) = (pattern[0], bytes.count - pattern.count)
        var index = 0
        while index <= last {
          if bytes[index] == first {
            var length = 1
            while length < pattern.count, bytes[index + length] == pattern[length] { length += 1 }
            if length == pattern.count { return index }
          }
          index += 1
        }
        return nil
      }
    }
  }
}
