/// The grammar of a request's head, one complete line at a time (RFC 9112 §3 and §5).
///
/// `line` is a range of `bytes` without the CR LF that ends it.
extension HTTPRequestHead {
  /// Reads `METHOD SP target SP HTTP/1.x`.
  mutating func readRequestLine(_ line: Range<Int>) throws(HTTPRefusal) {
    let bytes = bytes
    let span = bytes.span
    guard let firstSpace = line.first(where: { span[$0] == .space }),
      let secondSpace = (firstSpace + 1..<line.upperBound).first(where: { span[$0] == .space })
    else { throw .malformedRequestLine }
    let name = span.extracting(line.lowerBound..<firstSpace)
    guard !name.isEmpty, name.all(\.isTokenCharacter) else { throw .malformedRequestLine }
    version = try Self.readVersion(span.extracting(secondSpace + 1..<line.upperBound))
    guard let method = HTTPMethod(name) else { throw .unsupportedMethod }
    self.method = method
    try readTarget(firstSpace + 1..<secondSpace)
  }

  private static func readVersion(_ span: Span<UInt8>) throws(HTTPRefusal) -> HTTPVersion {
    guard span.count == 8, span[5].isDigit, span[6] == UInt8(ascii: "."), span[7].isDigit else {
      throw .malformedRequestLine
    }
    let name: StaticString = "HTTP/"
    for index in 0..<5 where span[index] != name.utf8Start[index] { throw .malformedRequestLine }
    switch (span[5], span[7]) {
    case (UInt8(ascii: "1"), UInt8(ascii: "1")): return .http11
    case (UInt8(ascii: "1"), UInt8(ascii: "0")): return .http10
    default: throw .unsupportedVersion
    }
  }

  /// Tells the forms of a target apart (RFC 9112 §3.2): a path for any method, an absolute URI for any method, `*`
  /// for OPTIONS. The authority form belongs to CONNECT, which is refused before.
  private mutating func readTarget(_ target: Range<Int>) throws(HTTPRefusal) {
    let bytes = bytes
    let span = bytes.span
    guard !target.isEmpty, span.extracting(target).all(\.isTargetCharacter) else { throw .malformedTarget }
    self.target = Extent(target)
    pathAndQuery = self.target
    if span[target.lowerBound] == .slash { return }
    if target.count == 1, span[target.lowerBound] == UInt8(ascii: "*"), method == .options { return }

    for scheme: StaticString in ["http://", "https://"] where target.count > scheme.utf8CodeUnitCount {
      let start = target.lowerBound + scheme.utf8CodeUnitCount
      guard span.extracting(target.lowerBound..<start).equalsIgnoringCase(scheme) else { continue }
      let end =
        (start..<target.upperBound).first { span[$0] == .slash || span[$0] == UInt8(ascii: "?") } ?? target.upperBound
      targetHost = Extent(start..<end)
      pathAndQuery = Extent(end..<target.upperBound)
      guard Self.isHost(span.extracting(start..<end)) else { throw .malformedHost }
      return
    }
    throw .malformedTarget
  }

  /// Reads `name: value`.
  mutating func readField(_ line: Range<Int>) throws(HTTPRefusal) {
    guard fields.count < HTTPLimits.headerCount else { throw .tooManyHeaders }
    if fields.isEmpty { fields.reserveCapacity(12) }
    fields.append(try Self.field(line, of: bytes.span))
  }

  /// Checks a trailer line, which is then dropped. One that would change how the request is understood, had it stood
  /// in the head, is refused (RFC 9110 §6.5.1).
  func checkTrailer(_ line: Range<Int>) throws(HTTPRefusal) {
    let name = bytes.span.extracting(try Self.field(line, of: bytes.span).name.range)
    for forbidden: StaticString in ["host", "content-length", "transfer-encoding"] {
      guard !name.equalsIgnoringCase(forbidden) else { throw .forbiddenTrailer }
    }
  }

  /// One header or trailer line of `span`, checked.
  static func field(_ line: Range<Int>, of span: Span<UInt8>) throws(HTTPRefusal) -> Field {
    var colon = line.lowerBound
    while colon < line.upperBound, span[colon].isTokenCharacter { colon += 1 }
    guard colon < line.upperBound else { throw .malformedHeader }
    guard span[colon] == .colon, colon > line.lowerBound else {
      let isBlank = span[colon] == .space || span[colon] == .tab
      guard isBlank else { throw span[colon].isValueCharacter ? .malformedHeader : .controlCharacter }
      throw colon == line.lowerBound ? .foldedHeader : .spaceBeforeColon
    }
    guard span.extracting(colon + 1..<line.upperBound).all(\.isValueCharacter) else { throw .controlCharacter }
    return Field(
      name: Extent(line.lowerBound..<colon), value: Extent(span.trimmed(colon + 1..<line.upperBound)))
  }

  /// Once every line is read: finds the one way to frame the request, or refuses it.
  func readFraming() throws(HTTPRefusal) -> HTTPFraming {
    let span = bytes.span
    var hosts = 0
    var length: Int?
    var isChunked = false
    var expectsContinue = false
    var (saysClose, saysKeepAlive, saysUpgrade, namesProtocol) = (false, false, false, false)

    for field in fields {
      let name = span.extracting(field.name.range)
      let value = span.extracting(field.value.range)
      switch name.count {
      case 4 where name.equalsIgnoringCase("host"):
        hosts += 1
        guard hosts == 1 else { throw .repeatedHost }
        guard Self.isHost(value) else { throw .malformedHost }
        guard targetHost.isEmpty || value.equalsIgnoringCase(span.extracting(targetHost.range)) else {
          throw .hostMismatch
        }
      case 6 where name.equalsIgnoringCase("expect") && version == .http11:
        guard value.equalsIgnoringCase("100-continue") else { throw .unsupportedExpectation }
        expectsContinue = true
      case 7 where name.equalsIgnoringCase("upgrade"):
        namesProtocol = !value.isEmpty
      case 10 where name.equalsIgnoringCase("connection"):
        saysClose = saysClose || listsToken("close", in: field.value.range)
        saysKeepAlive = saysKeepAlive || listsToken("keep-alive", in: field.value.range)
        saysUpgrade = saysUpgrade || listsToken("upgrade", in: field.value.range)
      case 14 where name.equalsIgnoringCase("content-length"):
        guard length == nil else { throw .repeatedContentLength }
        length = try Self.contentLength(value)
      case 17 where name.equalsIgnoringCase("transfer-encoding"):
        guard version == .http11 else { throw .transferEncodingInHTTP10 }
        guard !isChunked else { throw .repeatedTransferEncoding }
        guard value.equalsIgnoringCase("chunked") else { throw .unsupportedTransferEncoding }
        isChunked = true
      default: break
      }
    }

    if hosts == 0, version == .http11 { throw .missingHost }
    if isChunked, length != nil { throw .lengthAndTransferEncoding }
    let body: HTTPBodyLength = isChunked ? .chunked : length.map { $0 > 0 ? .fixed($0) : .none } ?? .none
    return HTTPFraming(
      body: body,
      keepsAlive: !saysClose && (version == .http11 || saysKeepAlive),
      expectsContinue: expectsContinue && body != .none,
      wantsUpgrade: saysUpgrade && namesProtocol && version == .http11 && body == .none)
  }

  /// `1*DIGIT` below 2^63: no sign, no space, no list.
  private static func contentLength(_ span: Span<UInt8>) throws(HTTPRefusal) -> Int {
    var length = 0
    guard !span.isEmpty else { throw .malformedContentLength }
    for index in span.indices {
      guard span[index].isDigit else { throw .malformedContentLength }
      let (tens, overflowed) = length.multipliedReportingOverflow(by: 10)
      let (sum, carried) = tens.addingReportingOverflow(Int(span[index] - UInt8(ascii: "0")))
      guard !overflowed, !carried else { throw .malformedContentLength }
      length = sum
    }
    return length
  }

  /// `uri-host [ ":" port ]` (RFC 9110 §7.2): a name, an IPv4 address or a bracketed IPv6 address, and a port up to
  /// 65535. Narrower than the RFC: not empty, no escapes or sub-delimiters in the name, no colon without a port.
  private static func isHost(_ span: Span<UInt8>) -> Bool {
    guard !span.isEmpty, span.count <= 262 else { return false }
    var index = 0
    if span[0] == UInt8(ascii: "[") {
      index = 1
      while index < span.count,
        span[index].hexadecimal != nil || span[index] == .colon || span[index] == UInt8(ascii: ".")
      {
        index += 1
      }
      guard index > 2, index < span.count, span[index] == UInt8(ascii: "]") else { return false }
      index += 1
    } else {
      while index < span.count, span[index].isHostCharacter { index += 1 }
      guard index > 0 else { return false }
    }
    if index == span.count { return true }
    let digits = span.extracting(index + 1..<span.count)
    guard span[index] == .colon, 1...5 ~= digits.count, digits.all(\.isDigit) else { return false }
    var port = 0
    for digit in digits.indices { port = port * 10 + Int(digits[digit] - UInt8(ascii: "0")) }
    return port <= 65_535
  }
}
