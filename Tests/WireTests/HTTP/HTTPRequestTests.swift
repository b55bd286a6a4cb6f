import Testing
import Wire

@Suite struct HTTPRequestTests {
  @Test func `a plain request is understood`() {
    #expect(understood("GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n") == ["GET /a?b=c []"])
  }

  @Test func `requests sent ahead come one after the other`() {
    let first = "POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
    let second = "PUT /2 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n1\r\nf\r\n0\r\n\r\n"
    let third = "DELETE /3 HTTP/1.1\r\nHost: x\r\n\r\n"
    #expect(understood(first + second + third) == ["POST /1 [abc]", "PUT /2 [def]", "DELETE /3 []"])
  }

  @Test func `every method is known by its name, in upper case only`() {
    for method in HTTPMethod.allCases {
      #expect(understood("\(method.rawValue) / HTTP/1.1\r\nHost: x\r\n\r\n") == ["\(method.rawValue) / []"])
    }
    for other in ["get", "GETS", "CONNECT", "TRACK", "PROPFIND", "G"] {
      #expect(understood("\(other) / HTTP/1.1\r\nHost: x\r\n\r\n") == ["501 unsupported_method"])
    }
  }

  @Test func `the next request waits until it is asked for`() throws {
    var machine = HTTPRequestMachine()
    let pipelined = "GET /2 HTTP/1.1\r\nHost: x\r\n\r\n"
    #expect(try step(&machine, "GET /1 HTTP/1.1\r\nHost: x\r\n\r\n" + pipelined) == ("head", pipelined))
    #expect(try step(&machine, pipelined) == ("end", pipelined))
    #expect(try step(&machine, pipelined) == ("more", pipelined))
    machine.nextRequest()
    #expect(try step(&machine, pipelined) == ("head", ""))
  }

  @Test func `after an upgrade the bytes of the new protocol are left to the caller`() throws {
    let upgrade = "GET /s HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n"
    var machine = HTTPRequestMachine()
    #expect(try head(upgrade).framing.wantsUpgrade)
    #expect(try step(&machine, upgrade + "\u{1}\u{2}") == ("head", "\u{1}\u{2}"))
    #expect(try step(&machine, "\u{1}\u{2}") == ("end", "\u{1}\u{2}"))
  }

  @Test func `an upgrade must be named in Connection be HTTP 1.1 and have no body`() throws {
    #expect(try !head("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n").framing.wantsUpgrade)
    #expect(try !head("GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\n\r\n").framing.wantsUpgrade)
    let post = "POST / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 1\r\n\r\n"
    #expect(try !head(post).framing.wantsUpgrade)
    let old = "GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
    #expect(try !head(old).framing.wantsUpgrade)
  }

  @Test func `a request that says close is the last, and what follows is ignored`() {
    let last = "GET /1 HTTP/1.1\r\nHost: x\r\nConnection: Close\r\n\r\n"
    #expect(understood(last + "GET /2 HTTP/1.1\r\nHost: x\r\n\r\n") == ["GET /1 []", "last"])
  }

  @Test func `HTTP 1.0 closes unless it says keep-alive and needs no Host`() {
    #expect(understood("GET / HTTP/1.0\r\n\r\n") == ["GET / []", "last"])
    #expect(understood("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n") == ["GET / []"])
    #expect(understood("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n") == ["GET / []", "last"])
  }

  @Test func `one empty line before a request is forgiven, two are not`() {
    #expect(understood("\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n").count == 2)
    #expect(understood("\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n") == ["400 malformed_request_line"])
  }

  @Test func `headers are found in any case and joined when repeated`() throws {
    let head = try head("GET / HTTP/1.1\r\nhOsT: x\r\nAccept:a\r\nX-Empty:\r\nACCEPT: \t b \t\r\n\r\n")
    #expect(head["host"] == "x")
    #expect(head["Accept"] == "a, b")
    #expect(head["x-empty"] == "")
    #expect(head["x-none"] == nil)
    #expect(head.headerCount == 4)
    #expect(head.withValue("accept") { $0.count } == 1)
  }

  @Test func `a client that expects 100 is told apart only when it has a body`() throws {
    let post = "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-Continue\r\n"
    #expect(try head(post + "Content-Length: 1\r\n\r\n").framing.expectsContinue)
    #expect(try !head(post + "\r\n").framing.expectsContinue)
    #expect(understood("POST / HTTP/1.1\r\nHost: x\r\nExpect: a-pony\r\n\r\n") == ["417 unsupported_expectation"])
    let old = "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n"
    #expect(try !head(old).framing.expectsContinue)
  }

  @Test func `an open end is told apart from silence`() {
    #expect(understood("GET / HT") == ["head open"])
    #expect(understood("GET / HTTP/1.1\r\nHost: x\r\n") == ["head open"])
    #expect(understood("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na") == ["body open"])
    #expect(understood("GET / HTTP/1.1\r\nHost: x\r\n\r\n") == ["GET / []"])
  }

  @Test func `the limit of a body can be set when its head is known`() throws {
    var machine = HTTPRequestMachine(bodyLimit: 1)
    let text = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"
    #expect(try step(&machine, text).part == "head")
    machine.bodyLimit = 5
    #expect(try step(&machine, "abcde").part == "body abcde")
    #expect(try step(&machine, "").part == "end")
  }

  @Test func `a body is exactly as large as allowed, in either framing`() {
    let fixed = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: "
    #expect(understood(fixed + "4\r\n\r\nabcd", bodyLimit: 4) == ["POST / [abcd]"])
    #expect(understood(fixed + "5\r\n\r\nabcde", bodyLimit: 4) == ["413 body_too_large"])
    let chunked = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    #expect(understood(chunked + "2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n", bodyLimit: 4) == ["POST / [abcd]"])
    #expect(understood(chunked + "2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n", bodyLimit: 4) == ["413 body_too_large"])
    #expect(understood(chunked + "fffffffffffffff\r\n", bodyLimit: 4) == ["413 body_too_large"])
  }

  @Test func `chunks may carry extensions and trailers, which are dropped`() {
    let chunked = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n"
    #expect(understood(chunked + "1;a=b;c=\"d; \\\"e\";f\r\nX\r\n0;z\r\nX: evil\r\nA:\r\n\r\n") == ["POST / [X]"])
    #expect(understood(chunked + "00a\r\n0123456789\r\n000\r\n\r\n") == ["POST / [0123456789]"])
  }

  @Test func `refused once, the connection gives nothing more`() throws {
    var machine = HTTPRequestMachine()
    #expect(throws: HTTPRefusal.malformedRequestLine) { try step(&machine, "\u{16}\u{3}\u{1}") }
    #expect(try step(&machine, "GET / HTTP/1.1\r\nHost: x\r\n\r\n") == ("more", ""))
    #expect(machine.isIdle)
  }
}
