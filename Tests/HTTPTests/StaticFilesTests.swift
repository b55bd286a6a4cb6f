import EventLoop
import Foundation
import HTTP
import Testing
import Wire

/// A folder with a few files, served, and a client for it. The date of `page.html` is fixed.
@Loop private final class ServedFolder {
  let root = NSTemporaryDirectory() + "skillmesh-\(UUID().uuidString)"
  let server: HTTPServer
  let client: RawClient

  init() async throws {
    let files = StaticFiles(root: root)
    server = try HTTPServer(on: .anyLoopbackPort) { request async throws -> HTTPResponse in
      files.answer(request.head, try RequestTarget(request.head))
    }
    client = try await RawClient(server)
    try FileManager.default.createDirectory(atPath: root + "/docs", withIntermediateDirectories: true)
    try write("0123456789", to: "page.html")
    try write("index", to: "docs/index.html")
    try write("secret", to: ".env")
    try write("", to: "empty.txt")
    let date = Date(timeIntervalSince1970: 784_111_777)
    try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: root + "/page.html")
  }

  func write(_ text: String, to name: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: root + "/" + name))
  }

  func remove() {
    server.stop()
    try? FileManager.default.removeItem(atPath: root)
  }

  /// Status, some headers and the body of the answer to a request with these header lines.
  func get(
    _ target: String, _ headers: String = "", _ names: [String] = [], method: String = "GET"
  ) async throws -> String {
    client.forget()
    client.send("\(method) \(target) HTTP/1.1\r\nHost: x\r\n\(headers.isEmpty ? "" : headers + "\r\n")\r\n")
    // Another request marks the end of this answer.
    client.send("GET /none HTTP/1.1\r\nHost: x\r\n\r\n")
    let text = try await client.text(endingIn: #""code":"not_found"}"#)
    let answer = text.prefix(upTo: text.range(of: "HTTP/1.1 404", options: .backwards)!.lowerBound)
    let parts = answer.components(separatedBy: "\r\n\r\n")
    let lines = parts[0].components(separatedBy: "\r\n")
    let status = String(lines[0].dropFirst(9).prefix(3))
    let chosen = lines.filter { line in names.contains { line.hasPrefix($0 + ":") } }
    return ([status] + chosen + [parts.dropFirst().joined()]).joined(separator: "|")
  }
}

@Suite(.timeLimit(.minutes(1))) struct StaticFilesTests {
  @Test @Loop func `a file comes with its type, tag and date`() async throws {
    let folder = try await ServedFolder()
    defer { folder.remove() }
    let names = ["Content-Length", "Content-Type", "Last-Modified", "Accept-Ranges"]
    let described =
      "200|Content-Length: 10|Content-Type: text/html; charset=utf-8|Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT|Accept-Ranges: bytes|"
    #expect(try await folder.get("/page.html", "", names) == described + "0123456789")
    #expect(try await folder.get("/page.html", "", names, method: "HEAD") == described)
    #expect(try await folder.get("/docs/") == "200|index")
    #expect(try await folder.get("/empty.txt", "", ["Content-Length"]) == "200|Content-Length: 0|")
  }

  @Test @Loop func `what is not there, hidden, a folder or outside is not found`() async throws {
    let folder = try await ServedFolder()
    defer { folder.remove() }
    try FileManager.default.createSymbolicLink(atPath: folder.root + "/pipe", withDestinationPath: "/dev/null")
    for target in ["/nothing", "/docs", "/.env", "/docs/.hidden", "/page.html/", "/pipe", "/"] {
      #expect(try await folder.get(target).hasPrefix("404"), "\(target)")
    }
    for target in ["/../etc/passwd", "/%2e%2e/etc/passwd", "/docs%2findex.html", "//page.html", "/page.html%00.txt"] {
      #expect(try await folder.get(target).hasPrefix("400"), "\(target)")
    }
    #expect(try await folder.get("/page.html", "", ["Allow"], method: "DELETE").hasPrefix("405|Allow: GET, HEAD|"))
  }

  @Test @Loop func `a copy that is still right is not sent again`() async throws {
    let folder = try await ServedFolder()
    defer { folder.remove() }
    let answer = try await folder.get("/page.html", "", ["ETag"])
    let tag = answer.components(separatedBy: "|")[1].dropFirst("ETag: ".count)
    #expect(tag.hasPrefix("\"") && tag.hasSuffix("-10\""))
    for match in ["\(tag)", "W/\(tag)", "\"other\", \(tag)", "*"] {
      #expect(
        try await folder.get("/page.html", "If-None-Match: \(match)", ["ETag"]) == "304|ETag: \(tag)|", "\(match)")
    }
    #expect(try await folder.get("/page.html", "If-None-Match: \"other\"") == "200|0123456789")
    let date = "Sun, 06 Nov 1994 08:49:37 GMT"
    #expect(try await folder.get("/page.html", "If-Modified-Since: \(date)") == "304|")
    #expect(try await folder.get("/page.html", "If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT") == "200|0123456789")
    #expect(try await folder.get("/page.html", "If-Modified-Since: yesterday") == "200|0123456789")
    let both = "If-Modified-Since: \(date)\r\nIf-None-Match: \"other\""
    #expect(try await folder.get("/page.html", both) == "200|0123456789")
    try folder.write("changed", to: "page.html")
    #expect(try await folder.get("/page.html", "If-None-Match: \(tag)") == "200|changed")
  }

  @Test @Loop func `a range is cut out, one that lies outside refused, a strange one ignored`() async throws {
    let folder = try await ServedFolder()
    defer { folder.remove() }
    let cases = [
      ("bytes=0-0", "206|Content-Range: bytes 0-0/10|0"), ("bytes=2-4", "206|Content-Range: bytes 2-4/10|234"),
      ("bytes=7-", "206|Content-Range: bytes 7-9/10|789"), ("bytes=-3", "206|Content-Range: bytes 7-9/10|789"),
      ("bytes=-99", "206|Content-Range: bytes 0-9/10|0123456789"),
      ("bytes=5-99", "206|Content-Range: bytes 5-9/10|56789"),
      ("bytes=9-99999999999999999999", "206|Content-Range: bytes 9-9/10|9"),
      ("bytes=4-2", "200|0123456789"), ("bytes=0-1,3-4", "200|0123456789"), ("bytes=a-b", "200|0123456789"),
      ("bytes=-", "200|0123456789"),
      ("lines=1-2", "200|0123456789"), ("bytes=+1-2", "200|0123456789"), ("bytes=1", "200|0123456789"),
    ]
    for (range, expected) in cases {
      #expect(try await folder.get("/page.html", "Range: \(range)", ["Content-Range"]) == expected, "\(range)")
    }
    for range in ["bytes=10-", "bytes=10-12", "bytes=-0", "bytes=99999999999999999999-"] {
      #expect(
        try await folder.get("/page.html", "Range: \(range)", ["Content-Range"]).hasPrefix(
          "416|Content-Range: bytes */10|"), "\(range)")
    }
    let same = "Range: bytes=1-2\r\nIf-Range: Sun, 06 Nov 1994 08:49:37 GMT"
    #expect(try await folder.get("/page.html", same) == "206|12")
    #expect(try await folder.get("/page.html", "Range: bytes=1-2\r\nIf-Range: \"other\"") == "200|0123456789")
    #expect(try await folder.get("/page.html", "Range: bytes=1-2", method: "HEAD") == "200|")
    #expect(try await folder.get("/empty.txt", "Range: bytes=0-").hasPrefix("416|"))
  }

  @Test @Loop func `an operations server says how its process does`() async throws {
    let broker = Promise<Void>()
    let unready = { @Loop in broker.isSettled ? nil : "waiting for the broker" }
    let server = try OperationsServer(on: .anyLoopbackPort, unready: unready, metrics: { Array("up 1\n".utf8) })
    defer { server.stop() }
    let client = try await RawClient(server.address)
    func get(_ path: String, end: String) async throws -> String {
      client.forget()
      client.send("GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n")
      return String(try await client.text(endingIn: end).dropFirst(9).prefix(3))
    }
    #expect(try await get("/healthz", end: "\r\n\r\nok\n") == "200")
    #expect(try await get("/readyz", end: "\r\n\r\nwaiting for the broker\n") == "503")
    broker.fulfil(())
    #expect(try await get("/readyz", end: "\r\n\r\nok\n") == "200")
    #expect(try await get("/metrics?x", end: "\r\n\r\nup 1\n") == "200")
    #expect(try await get("/", end: #""not_found"}"#) == "404")
  }
}
