import Testing
import Wire

@Suite struct RequestTargetTests {
  @Test func `a path is decoded segment by segment`() throws {
    #expect(try RequestTarget("/api/v1/caf%C3%A9%20x+y/@me;a=b").segments == ["api", "v1", "café x+y", "@me;a=b"])
    #expect(try RequestTarget("/").segments == [])
    #expect(try !RequestTarget("/").endsInSlash)
    #expect(try RequestTarget("/a/").segments == ["a"])
    #expect(try RequestTarget("/a/").endsInSlash)
    #expect(try RequestTarget("/...").segments == ["..."])
    #expect(try RequestTarget("*").segments == [])
  }

  @Test func `a query is decoded as forms are`() throws {
    let target = try RequestTarget("/s?q=a+b%2Bc&&tag[]={x}&flag&e=&a=1=2&%C3%A9=%2F")
    #expect(target.query.map { "\($0.name)|\($0.value)" } == ["q|a b+c", "tag[]|{x}", "flag|", "e|", "a|1=2", "é|/"])
    #expect(target.first("a") == "1=2")
    #expect(target.first("b") == nil)
  }

  @Test func `the absolute form is read from its path on`() throws {
    let target = try RequestTarget(head("GET http://x:1/a/b?c=d HTTP/1.1\r\nHost: x:1\r\n\r\n"))
    #expect(target.segments == ["a", "b"])
    #expect(target.first("c") == "d")
    #expect(try RequestTarget(head("GET http://x?c=d HTTP/1.1\r\nHost: x\r\n\r\n")).first("c") == "d")
    #expect(try RequestTarget(head("GET http://x HTTP/1.1\r\nHost: x\r\n\r\n")).segments == [])
  }

  @Test(arguments: [
    ("/..", HTTPRefusal.dotSegment), ("/a/../b", .dotSegment), ("/./a", .dotSegment), ("/a/.", .dotSegment),
    ("/%2e%2E/a", .dotSegment),
    ("/.%2e", .dotSegment), ("//", .emptySegment), ("//a", .emptySegment), ("/a//b", .emptySegment),
    ("/a//", .emptySegment),
    ("/a%2fb", .encodedSlash), ("/a%2Fb", .encodedSlash), ("/a%5cb", .encodedSlash), ("/..%2f", .encodedSlash),
    ("/a%00", .encodedControl), ("/%0d%0a", .encodedControl), ("/%7f", .encodedControl), ("/?a=%00", .encodedControl),
    ("/%", .malformedEscape), ("/%2", .malformedEscape), ("/%zz", .malformedEscape), ("/%u0041", .malformedEscape),
    ("/?%", .malformedEscape),
    ("/%2/a", .malformedEscape), ("/?a=%4&b", .malformedEscape),
    ("/%ff", .targetNotUTF8), ("/%c0%ae%c0%ae/", .targetNotUTF8), ("/%ed%a0%80", .targetNotUTF8),
    ("/?a=%80", .targetNotUTF8),
    ("/a\\b", .malformedTarget), ("/a|b", .malformedTarget), ("/<a>", .malformedTarget), ("/a{b}", .malformedTarget),
    ("/a#b", .malformedTarget),
    ("/é", .malformedTarget), ("/a b", .malformedTarget), ("a", .malformedTarget),
  ])
  func `what could be read in two ways is refused`(_ target: String, _ refusal: HTTPRefusal) {
    #expect(throws: refusal) { try RequestTarget(target) }
  }

  @Test func `a path decoded once is not decoded twice`() throws {
    #expect(try RequestTarget("/%252e%252e/%252f").segments == ["%2e%2e", "%2f"])
  }
}
