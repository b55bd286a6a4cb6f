import Testing
import Wire

@Suite struct HTTPResponseTests {
  private let date = HTTPDate.encode(784_111_777)

  private func encoded(
    _ head: HTTPResponseHead, _ length: HTTPResponseHead.Length, _ connection: HTTPResponseHead.Connection = .implied
  ) -> String {
    var output: [UInt8] = []
    head.encode(to: &output, length: length, connection: connection, date: date)
    return String(decoding: output, as: UTF8.self)
  }

  @Test func `a head is written with its length, or as chunks, or to the end of the connection`() {
    var head = HTTPResponseHead(status: 200)
    head.add("Content-Type", "text/plain")
    let start = "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
    let end = "Content-Type: text/plain\r\n\r\n"
    #expect(encoded(head, .fixed(1204)) == start + "Content-Length: 1204\r\n" + end)
    #expect(encoded(head, .chunked) == start + "Transfer-Encoding: chunked\r\n" + end)
    #expect(encoded(head, .untilClose, .close) == start + "Connection: close\r\n" + end)
    #expect(encoded(head, .fixed(0), .keepAlive) == start + "Content-Length: 0\r\nConnection: keep-alive\r\n" + end)
  }

  @Test func `statuses without a phrase have a stand-in`() {
    #expect(encoded(HTTPResponseHead(status: 299), .none).hasPrefix("HTTP/1.1 299 Status\r\n"))
  }

  @Test func `no value begins another line`() {
    var head = HTTPResponseHead(status: 302)
    head.add("Location", "/a\r\nSet-Cookie: b\u{0}c\u{7F}é\t")
    #expect(encoded(head, .none).hasSuffix("\r\nLocation: /a  Set-Cookie: b c é\t\r\n\r\n"))
  }

  @Test func `headers that frame the response cannot be set`() async {
    await #expect(processExitsWith: .failure) {
      var head = HTTPResponseHead(status: 200)
      head.add("content-LENGTH", "1")
    }
    await #expect(processExitsWith: .failure) {
      var head = HTTPResponseHead(status: 200)
      head.add("A b", "1")
    }
  }

  @Test func `chunks are framed`() {
    var output: [UInt8] = []
    HTTPChunk.encodeSize(4096, to: &output)
    #expect(output == Array("1000\r\n".utf8))
  }

  @Test func `dates are written and read, through every leap year`() {
    let cases = [
      (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT"),
      (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
      (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"), (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
    ]
    for (seconds, text) in cases {
      #expect(String(decoding: HTTPDate.encode(seconds), as: UTF8.self) == text)
      #expect(HTTPDate.decode(Array(text.utf8).span) == seconds)
    }
    for day in 0..<60_000 {
      let seconds = day * 86_400 + day % 86_400
      #expect(HTTPDate.decode(HTTPDate.encode(seconds).span) == seconds)
    }
  }

  @Test(arguments: [
    "", "Mon, 06 Nov 1994 08:49:37 GMT", "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
    "Sun, 06 Nov 1994 08:49:37 UTC",
    "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "Sun, 06 Nov 1994 08:49:37 GMT ",
    "Sun, 06 nov 1994 08:49:37 GMT",
    "Sun, 00 Nov 1994 08:49:37 GMT",
  ])
  func `what is not a date is not read as one`(_ text: String) {
    #expect(HTTPDate.decode(Array(text.utf8).span) == nil)
  }
}
