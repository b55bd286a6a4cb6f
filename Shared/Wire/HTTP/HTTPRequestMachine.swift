/// The server's side of one HTTP/1.1 connection (RFC 9110, RFC 9112): bytes in, requests out.
///
/// It refuses whatever can be read in two ways, because some proxy before it may read it the other way. What it
/// accepts is framed in one way only: the same bytes give the same parts, however they are cut up on arrival.
///
///     var machine = HTTPRequestMachine()
///     while let part = try machine.next(&input) { … }    // head, body…, end
///     machine.nextRequest()                              // after the response, then go on with the same input
///
/// It hands out one request at a time. After `.end` it takes no further byte until `nextRequest()`, so pipelined
/// requests, or the first bytes of another protocol after an upgrade, stay in the caller's `input`. It keeps bytes
/// of its own only while a head or a trailer is incomplete; an idle connection holds no buffer.
///
/// After a refusal, or after a request that does not keep the connection alive, it swallows what comes.
public struct HTTPRequestMachine: Sendable {
  /// What `next` found.
  public enum Part {
    /// A request begins. Its body comes next; set `bodyLimit` before reading on.
    case head(HTTPRequestHead)
    /// The next bytes of the body; a part of `input`, valid as long as that.
    case body(UnsafeRawBufferPointer)
    /// The request is complete.
    case end
  }

  private enum State: Sendable {
    case requestLine
    case fieldLine
    case bodyBegins(HTTPBodyLength)
    case fixedBody(remaining: Int)
    case chunkedBody(HTTPChunkedBody)
    case trailerLine
    /// The request is complete: another may follow, or not.
    case complete
    case over
  }

  /// How many bytes the body of the current request may have. Chunks count without their framing.
  public var bodyLimit: Int

  private var state = State.requestLine
  /// The head that is coming in; its bytes serve the trailers too.
  private var head = HTTPRequestHead()
  private var lineStart = 0
  private var sectionStart = 0
  private var bodyBytes = 0
  private var skippedEmptyLine = false
  private var keepsAlive = true

  /// A machine for a new connection, whose requests may have bodies up to `bodyLimit` bytes unless told otherwise.
  public init(bodyLimit: Int = 1 << 20) { self.bodyLimit = bodyLimit }

  /// Whether it stands between two requests, none begun: the connection may be closed without harm.
  public var isIdle: Bool {
    switch state {
    case .requestLine: head.bytes.isEmpty
    case .complete, .over: true
    default: false
    }
  }

  /// Whether a head has begun and is not complete.
  public var isInHead: Bool {
    switch state {
    case .requestLine: !head.bytes.isEmpty
    case .fieldLine: true
    default: false
    }
  }

  /// Takes bytes from the front of `input` up to the next part. Nil when there are too few: call again with more;
  /// or when the request is complete: call `nextRequest()`.
  ///
  /// - Throws: why the request is refused; nothing more can be read from the connection.
  public mutating func next(_ input: inout UnsafeRawBufferPointer) throws(HTTPRefusal) -> Part? {
    do throws(HTTPRefusal) {
      return try step(&input)
    } catch {
      state = .over
      head = HTTPRequestHead()
      throw error
    }
  }

  /// Goes on to the next request, once the current one is complete.
  public mutating func nextRequest() {
    guard case .complete = state else { return }
    state = keepsAlive ? .requestLine : .over
    skippedEmptyLine = false
    bodyBytes = 0
  }

  private mutating func step(_ input: inout UnsafeRawBufferPointer) throws(HTTPRefusal) -> Part? {
    while true {
      switch state {
      case .requestLine:
        guard try readRequestLine(&input) else { return nil }
      case .fieldLine:
        guard let line = try takeLine(&input, upTo: HTTPLimits.headers, else: .headersTooLarge) else { return nil }
        if line.isEmpty { return .head(try completeHead()) }
        try head.readField(line)
      case .bodyBegins(let length):
        switch length {
        case .none: return complete()
        case .fixed(let count):
          guard count <= bodyLimit else { throw .bodyTooLarge }
          state = .fixedBody(remaining: count)
        case .chunked: state = .chunkedBody(HTTPChunkedBody())
        }
      case .fixedBody(let remaining):
        if remaining == 0 { return complete() }
        if input.isEmpty { return nil }
        let bytes = input.take(min(remaining, input.count))
        state = .fixedBody(remaining: remaining - bytes.count)
        return .body(bytes)
      case .chunkedBody(var chunks):
        let chunk = try chunks.next(&input)
        state = .chunkedBody(chunks)
        switch chunk {
        case nil: return nil
        case .bytes(let bytes): return .body(bytes)
        case .begins(let count):
          guard count <= bodyLimit - bodyBytes else { throw .bodyTooLarge }
          bodyBytes += count
        case .last: state = .trailerLine
        }
      case .trailerLine:
        guard let line = try takeLine(&input, upTo: HTTPLimits.trailers, else: .trailersTooLarge) else { return nil }
        if line.isEmpty { return complete() }
        try head.checkTrailer(line)
      case .complete: return nil
      case .over:
        _ = input.take(input.count)
        return nil
      }
    }
  }

  private mutating func readRequestLine(_ input: inout UnsafeRawBufferPointer) throws(HTTPRefusal) -> Bool {
    // What can never become a request, as TLS to a plain port, is refused at its first byte.
    if lineStart == head.bytes.count, let first = input.first, !first.isTokenCharacter, first != .carriageReturn {
      throw .malformedRequestLine
    }
    if head.bytes.isEmpty, !input.isEmpty { head.bytes.reserveCapacity(min(input.count, 1024)) }
    guard let line = try takeLine(&input, upTo: HTTPLimits.requestLine, else: .requestLineTooLong) else { return false }
    if line.isEmpty {
      // One empty line is forgiven to clients that end a body with a CR LF too many (RFC 9112 §2.2).
      guard !skippedEmptyLine else { throw .malformedRequestLine }
      skippedEmptyLine = true
      resetLines()
      return true
    }
    try head.readRequestLine(line)
    sectionStart = head.bytes.count
    state = .fieldLine
    return true
  }

  private mutating func completeHead() throws(HTTPRefusal) -> HTTPRequestHead {
    head.framing = try head.readFraming()
    let complete = head
    keepsAlive = head.framing.keepsAlive
    state = .bodyBegins(head.framing.body)
    head = HTTPRequestHead()
    resetLines()
    return complete
  }

  private mutating func complete() -> Part {
    state = .complete
    resetLines()
    return .end
  }

  private mutating func resetLines() {
    head.bytes = []
    lineStart = 0
    sectionStart = 0
  }

  /// Moves the bytes of one line from `input` to `head.bytes`; returns its range there without CR LF, or nil when it
  /// is incomplete. The section it belongs to may have `limit` bytes.
  private mutating func takeLine(
    _ input: inout UnsafeRawBufferPointer, upTo limit: Int, else refusal: HTTPRefusal
  ) throws(HTTPRefusal) -> Range<Int>? {
    let room = limit - (head.bytes.count - sectionStart)
    let window = min(room, input.count)
    var length = 0
    while length < window, input[length] != .lineFeed { length += 1 }
    guard length < window else {
      guard window < room else { throw refusal }
      head.bytes.append(contentsOf: input.take(window))
      return nil
    }
    head.bytes.append(contentsOf: input.take(length + 1))
    let end = head.bytes.count - 2
    guard end >= lineStart, head.bytes[end] == .carriageReturn else { throw .bareLineFeed }
    defer { lineStart = head.bytes.count }
    return lineStart..<end
  }
}
