/// A body sent in chunks (RFC 9112 §7.1), up to its trailers. Chunk extensions are bounded and dropped.
struct HTTPChunkedBody: Sendable {
  private enum Phase: Sendable {
    /// In a chunk's size; so many digits of it have come.
    case size(digits: UInt8)
    case chunkExtension(HTTPChunkExtension)
    /// The line of the size has brought its CR.
    case sizeEnd
    case data
    /// Behind a chunk's last byte; then behind the CR there.
    case dataReturn
    case dataEnd
  }

  /// What `next` met.
  enum Step {
    /// A chunk begins, of that size. Comes before its bytes, so that a limit can be kept.
    case begins(Int)
    case bytes(UnsafeRawBufferPointer)
    /// The chunk of size zero: trailers and an empty line follow.
    case last
  }

  private var phase = Phase.size(digits: 0)
  private var remaining = 0
  private var extensionBytes = 0

  /// Takes bytes from the front of `input` up to the next step; nil when there are too few.
  mutating func next(_ input: inout UnsafeRawBufferPointer) throws(HTTPRefusal) -> Step? {
    while let byte = input.first {
      if case .data = phase {
        let bytes = input.take(min(remaining, input.count))
        remaining -= bytes.count
        if remaining == 0 { phase = .dataReturn }
        return .bytes(bytes)
      }
      _ = input.take(1)
      switch phase {
      case .size(let digits):
        if let digit = byte.hexadecimal {
          // Fifteen digits stay below 2^60; what is larger would be refused for its size anyway.
          guard digits < 15 else { throw .malformedChunk }
          remaining = remaining << 4 | Int(digit)
          phase = .size(digits: digits + 1)
        } else {
          guard digits > 0, byte == .carriageReturn || byte == UInt8(ascii: ";") else { throw .malformedChunk }
          phase = byte == .carriageReturn ? .sizeEnd : .chunkExtension(.name(isEmpty: true))
        }
      case .chunkExtension(let part):
        extensionBytes += 1
        guard extensionBytes <= HTTPLimits.chunkExtensions else { throw .chunkExtensionsTooLarge }
        if byte == .carriageReturn, part.mayEnd {
          phase = .sizeEnd
        } else {
          guard let next = part.next(byte) else { throw .malformedChunk }
          phase = .chunkExtension(next)
        }
      case .sizeEnd:
        guard byte == .lineFeed else { throw .malformedChunk }
        if remaining == 0 { return .last }
        phase = .data
        return .begins(remaining)
      case .dataReturn:
        guard byte == .carriageReturn else { throw .malformedChunk }
        phase = .dataEnd
      case .dataEnd:
        guard byte == .lineFeed else { throw .malformedChunk }
        phase = .size(digits: 0)
      case .data: break
      }
    }
    return nil
  }
}

/// Where in the extensions of a chunk, `*( ";" token [ "=" ( token / quoted-string ) ] )`, a byte stands. No space is
/// allowed around the signs (RFC 9112 §7.1.1 calls that bad).
private enum HTTPChunkExtension: Sendable {
  case name(isEmpty: Bool)
  case value(isEmpty: Bool)
  case quoted
  /// Behind a backslash in a quoted string.
  case escaped
  /// Behind a quoted string.
  case closed

  var mayEnd: Bool {
    switch self {
    case .name(let isEmpty), .value(let isEmpty): !isEmpty
    case .closed: true
    case .quoted, .escaped: false
    }
  }

  /// Where the byte behind `byte` stands; nil when `byte` may not be here.
  func next(_ byte: UInt8) -> HTTPChunkExtension? {
    if mayEnd, byte == UInt8(ascii: ";") { return .name(isEmpty: true) }
    switch self {
    case .name(isEmpty: false) where byte == UInt8(ascii: "="): return .value(isEmpty: true)
    case .name: return byte.isTokenCharacter ? .name(isEmpty: false) : nil
    case .value(isEmpty: true) where byte == UInt8(ascii: "\""): return .quoted
    case .value: return byte.isTokenCharacter ? .value(isEmpty: false) : nil
    case .quoted where byte == UInt8(ascii: "\""): return .closed
    case .quoted where byte == UInt8(ascii: "\\"): return .escaped
    case .quoted, .escaped: return byte.isValueCharacter ? .quoted : nil
    case .closed: return nil
    }
  }
}

extension UnsafeRawBufferPointer {
  /// Takes the first `count` bytes off.
  mutating func take(_ count: Int) -> UnsafeRawBufferPointer {
    let taken = UnsafeRawBufferPointer(rebasing: self[..<count])
    self = UnsafeRawBufferPointer(rebasing: self[count...])
    return taken
  }
}
