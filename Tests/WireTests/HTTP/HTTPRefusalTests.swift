import Testing
import Wire

@Suite struct HTTPRefusalTests {
  /// A request with this request line.
  private func line(_ text: String) -> [String] { understood(text + "\r\nHost: x\r\n\r\n") }

  /// A request with these header lines.
  private func headers(_ text: String) -> [String] { understood("POST / HTTP/1.1\r\n" + text + "\r\n\r\n") }

  /// A request with this chunked body.
  private func chunks(_ text: String) -> [String] {
    understood("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + text)
  }

  @Test(arguments: [
    "", " ", "GET", "GET /", "GET  / HTTP/1.1", "GET /  HTTP/1.1", " GET / HTTP/1.1", "GET / HTTP/1.1 ",
    "GET\t/ HTTP/1.1",
    "GET / http/1.1", "GET / HTTP/11", "GET / HTTP/1.1x", "GET / HTTP/1,1", "G(T / HTTP/1.1", "GET / a HTTP/1.1",
    "GET / HTTP/ 1.1",
    "(", "\u{0}GET / HTTP/1.1", "GET / HTTP/x.1",
  ])
  func `a malformed request line`(_ text: String) {
    #expect(line(text) == ["400 malformed_request_line"])
  }

  @Test(arguments: ["HTTP/0.9", "HTTP/1.2", "HTTP/2.0", "HTTP/9.9"])
  func `another version`(_ version: String) { #expect(line("GET / \(version)") == ["505 unsupported_version"]) }

  @Test func `the preface of HTTP 2`() {
    #expect(understood("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") == ["505 unsupported_version"])
  }

  @Test(arguments: [
    "a", "?a", "*", "*a", "x.org:80", "x.org", "/#a", "/a\u{1}b", "/a\u{7F}", "/é", "/a\tb", "ftp://x/", "http:/x",
    "http://",
    "//x#", "https:x",
  ])
  func `a malformed target`(_ target: String) { #expect(line("GET \(target) HTTP/1.1") == ["400 malformed_target"]) }

  @Test func `the absolute form must name the same host`() {
    #expect(understood("GET http://x/a HTTP/1.1\r\nHost: X\r\n\r\n") == ["GET http://x/a []"])
    #expect(line("GET HTTPS://x?a HTTP/1.1") == ["GET HTTPS://x?a []"])
    #expect(line("GET http://y/a HTTP/1.1") == ["400 host_mismatch"])
    #expect(line("GET http://x:80/a HTTP/1.1") == ["400 host_mismatch"])
    #expect(line("GET http://u@x/ HTTP/1.1") == ["400 malformed_host"])
    #expect(line("GET http:///a HTTP/1.1") == ["400 malformed_host"])
    #expect(line("OPTIONS * HTTP/1.1") == ["OPTIONS * []"])
  }

  @Test func `the ends of lines`() {
    #expect(understood("GET / HTTP/1.1\nHost: x\n\n") == ["400 bare_line_feed"])
    #expect(understood("GET / HTTP/1.1\r\nHost: x\n\r\n") == ["400 bare_line_feed"])
    #expect(understood("GET / HTTP/1.1\r\nHost: x\r\n\n") == ["400 bare_line_feed"])
    #expect(understood("GET / HTTP/1.1\r\nHost: x\r\rA: b\r\n\r\n") == ["400 control_character"])
    #expect(understood("GET / HTTP/1.1\r\nHost: x\r\n\rA: b\r\n\r\n") == ["400 control_character"])
    #expect(understood("GET / HTTP/1.1\rHost: x\r\n\r\n") == ["400 malformed_request_line"])
  }

  @Test(arguments: [
    ("A: b\r\n c", "400 folded_header"), ("A: b\r\n\tc: d", "400 folded_header"), (" A: b", "400 folded_header"),
    ("A : b", "400 space_before_colon"), ("A\t: b", "400 space_before_colon"), ("A", "400 malformed_header"),
    (": b", "400 malformed_header"), ("A(: b", "400 malformed_header"), ("\"A\": b", "400 malformed_header"),
    ("é: b", "400 malformed_header"),
    ("A: b\u{0}c", "400 control_character"), ("A: b\u{B}", "400 control_character"),
    ("A: \u{7F}", "400 control_character"),
    ("A\u{0}: b", "400 control_character"), ("A: \u{1B}[2J", "400 control_character"),
  ])
  func `a malformed header`(_ text: String, _ refusal: String) { #expect(headers("Host: x\r\n" + text) == [refusal]) }

  @Test func `hosts that are missing, repeated or malformed`() {
    #expect(headers("A: b") == ["400 missing_host"])
    #expect(headers("Host: x\r\nhost: x") == ["400 repeated_host"])
    #expect(understood("GET / HTTP/1.0\r\nHost: x\r\nHost: y\r\n\r\n") == ["400 repeated_host"])
    for host in [
      "", "a b", "a,b", "a/b", "u@x", "x:", "x:y", "x:65536", "x:123456", ":80", "[::1", "[]", "[g::]", "[::1]x",
      "a\\b", "x:-1", "é", "x?",
    ] { #expect(headers("Host: \(host)") == ["400 malformed_host"], "\(host)") }
    for host in ["x", "a-b.c_d.example.", "127.0.0.1:8080", "[::1]", "[2001:db8::1]:443", "x:65535"] {
      #expect(headers("Host: \(host)") == ["POST / []"], "\(host)")
    }
  }

  @Test(arguments: [
    ("Content-Length: 1\r\nTransfer-Encoding: chunked", "400 length_and_transfer_encoding"),
    ("Transfer-Encoding: chunked\r\nContent-Length: 0", "400 length_and_transfer_encoding"),
    ("Content-Length: 1\r\nContent-Length: 1", "400 repeated_content_length"),
    ("Content-Length: 1\r\nContent-Length: 2", "400 repeated_content_length"),
    ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "400 repeated_transfer_encoding"),
    ("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked", "400 unsupported_transfer_encoding"),
  ])
  func `two lengths`(_ text: String, _ refusal: String) { #expect(headers("Host: x\r\n" + text) == [refusal]) }

  @Test(arguments: [
    "", "+1", "-1", "1 2", "1,1", "0x1", "1.0", "1e3", "９", "9223372036854775808", "99999999999999999999999",
  ])
  func `a malformed Content-Length`(_ value: String) {
    #expect(headers("Host: x\r\nContent-Length: \(value)") == ["400 malformed_content_length"])
  }

  @Test func `the largest Content-Length is only too large`() {
    #expect(headers("Host: x\r\nContent-Length: 9223372036854775807") == ["413 body_too_large"])
    #expect(headers("Host: x\r\nContent-Length: 0000") == ["POST / []"])
  }

  @Test(arguments: [
    "", "identity", "identity, chunked", "chunked, identity", "gzip, chunked", "chunked, chunked", "xchunked",
    "chunked;q=1", "\"chunked\"",
    "chunked,", ",chunked", "\u{B}chunked",
  ])
  func `a transfer encoding other than chunked`(_ value: String) {
    let refusal = value.contains("\u{B}") ? "400 control_character" : "400 unsupported_transfer_encoding"
    #expect(headers("Host: x\r\nTransfer-Encoding: \(value)") == [refusal])
  }

  @Test func `chunks in HTTP 1.0`() {
    let old = "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    #expect(understood(old) == ["400 transfer_encoding_in_http10"])
  }

  @Test(arguments: [
    "\r\n", " 1\r\nX\r\n", "1 \r\nX\r\n", "+1\r\nX\r\n", "-1\r\nX\r\n", "0x1\r\nX\r\n", "g\r\n", "1\nX\r\n",
    "1\r\nXY\r\n", "1\r\nX\n0\r\n\r\n",
    "1\r\nX\rY", "1\rX", ";a\r\n", "1;a\u{0}\r\n", "1;a\nX\r\n", "1,2\r\n", "1;\r\nX", "1;;a\r\nX", "1;a=\r\nX",
    "1;=b\r\nX", "1; a\r\nX", "1;a =b\r\nX", "1;a=\"b\r\nX",
    "1;a=\"b\"c\r\nX", "1;a=b\"\r\nX", "1\t;a\r\n", "10000000000000000\r\n",
    "0000000000000001\r\n",
    "1\r\nX0\r\n\r\n",
  ])
  func `a malformed chunk`(_ text: String) { #expect(chunks(text) == ["400 malformed_chunk"]) }

  @Test func `malformed trailers`() {
    #expect(chunks("0\r\nA : b\r\n\r\n") == ["400 space_before_colon"])
    #expect(chunks("0\r\nhost: x\r\n\r\n") == ["400 forbidden_trailer"])
    #expect(chunks("0\r\nContent-Length: 1\r\n\r\n") == ["400 forbidden_trailer"])
    #expect(chunks("0\r\nTransfer-Encoding: chunked\r\n\r\n") == ["400 forbidden_trailer"])
    #expect(chunks("0\r\n\n") == ["400 bare_line_feed"])
    #expect(chunks("0\r\nGET / HTTP/1.1\r\n\r\n") == ["400 space_before_colon"])
  }

  @Test func `more than the limits allow, at the very byte`() {
    func request(target: Int) -> String { "GET /\(String(repeating: "a", count: target)) HTTP/1.1\r\nHost: x\r\n\r\n" }
    let target = HTTPLimits.requestLine - "GET / HTTP/1.1\r\n".utf8.count
    #expect(understood(request(target: target)).first?.hasPrefix("GET /aaa") == true)
    #expect(understood(request(target: target + 1)) == ["414 request_line_too_long"])

    func request(header: Int) -> String {
      "GET / HTTP/1.1\r\nHost: x\r\nA: \(String(repeating: "a", count: header))\r\n\r\n"
    }
    let header = HTTPLimits.headers - "Host: x\r\nA: \r\n\r\n".utf8.count
    #expect(understood(request(header: header)) == ["GET / []"])
    #expect(understood(request(header: header + 1)) == ["431 headers_too_large"])

    let lines = String(repeating: "A: b\r\n", count: HTTPLimits.headerCount - 1)
    #expect(headers("Host: x\r\n" + lines.dropLast(2)) == ["POST / []"])
    #expect(headers("Host: x\r\n" + lines + "A: b") == ["431 too_many_headers"])

    let ext = String(repeating: "a", count: HTTPLimits.chunkExtensions - 1)
    #expect(chunks("1;\(ext)\r\nX\r\n0\r\n\r\n") == ["POST / [X]"])
    #expect(chunks("1;\(ext)\r\nX\r\n0;a\r\n\r\n") == ["400 chunk_extensions_too_large"])
    let trailer = String(repeating: "a", count: HTTPLimits.trailers - "A:\r\n\r\n".utf8.count)
    #expect(chunks("0\r\nA:\(trailer)\r\n\r\n") == ["POST / []"])
    #expect(chunks("0\r\nA:a\(trailer)\r\n\r\n") == ["431 trailers_too_large"])
  }

  @Test func `each refusal has a status, its own code and a sentence`() {
    for refusal in HTTPRefusal.allCases {
      #expect([400, 413, 414, 417, 431, 501, 505].contains(refusal.status))
      #expect(refusal.detail.hasSuffix("."))
      #expect(refusal.rawValue.utf8.allSatisfy { $0 == UInt8(ascii: "_") || 0x30...0x7A ~= $0 })
    }
  }
}
