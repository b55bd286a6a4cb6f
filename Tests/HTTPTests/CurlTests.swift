import EventLoop
import Foundation
import HTTP
import Testing
import Wire

@Suite(.timeLimit(.minutes(1))) struct CurlTests {
  /// What `curl` with these arguments prints; the loop goes on meanwhile.
  @Loop private func curl(_ server: HTTPServer, _ path: String, _ arguments: String..., input: Data? = nil) async throws
    -> String
  {
    let pool = BackgroundPool(threads: 1)
    defer { pool.stop() }
    let all =
      ["curl", "--silent", "--show-error", "--max-time", "20"] + arguments + ["http://\(server.address)\(path)"]
    return try await pool.run {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      process.arguments = all
      let (output, feed) = (Pipe(), Pipe())
      process.standardOutput = output
      process.standardError = output
      process.standardInput = feed
      try process.run()
      if let input {
        DispatchQueue.global().async {
          try? feed.fileHandleForWriting.write(contentsOf: input); try? feed.fileHandleForWriting.close()
        }
      }
      let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      return process.terminationStatus == 0 ? text : "curl: \(process.terminationStatus) \(text)"
    }
  }

  /// Says what it got: method, decoded path and query, length and sum of the body.
  @Loop private func describe(_ request: HTTPRequest) async throws -> HTTPResponse {
    let target = try RequestTarget(request.head)
    request.bodyLimit = 10_000_000
    var (count, sum) = (0, 0)
    while let bytes = try await request.nextBytes() {
      count += bytes.count
      for byte in bytes { sum &+= Int(byte) }
    }
    let query = target.query.map { "\($0.name)=\($0.value)" }.joined(separator: ",")
    return .text("\(request.head.method.rawValue) \(target.segments) \(query) \(count) \(sum)")
  }

  @Test @Loop func `curl is understood in every way it sends`() async throws {
    let server = try HTTPServer(on: .anyLoopbackPort, answer: describe)
    defer { server.stop() }
    let upload = Data((0..<1_100_000).map { UInt8(truncatingIfNeeded: $0) })
    let sum = upload.reduce(0) { $0 + Int($1) }
    #expect(try await curl(server, "/a%20b/c?d=e+f") == #"GET ["a b", "c"] d=e f 0 0"#)
    #expect(try await curl(server, "/", "--data", "abc") == "POST []  3 294")
    #expect(try await curl(server, "/", "--http1.0", "--data", "abc") == "POST []  3 294")
    #expect(try await curl(server, "/", "--request", "PATCH", "--data", "") == "PATCH []  0 0")
    // Over a megabyte, curl expects 100 (Continue).
    #expect(try await curl(server, "/", "--data-binary", "@-", input: upload) == "POST []  1100000 \(sum)")
    #expect(try await curl(server, "/f", "--upload-file", "-", input: upload) == #"PUT ["f"]  1100000 \#(sum)"#)
    #expect(try await curl(server, "/", "--head", "--write-out", "%{http_code} %{size_download}").hasSuffix("200 0"))
    #expect(try await curl(server, "/../x", "--path-as-is", "--write-out", " %{http_code}").hasSuffix(" 400"))
    #expect(
      try await curl(server, "/[1-3]", "--write-out", " %{num_connects};")
        == (1...3).map { "GET [\"\($0)\"]  0 0 \($0 == 1 ? 1 : 0);" }.joined())
  }

  @Test @Loop func `curl gets a large file whole, and goes on where a download stopped`() async throws {
    let root = NSTemporaryDirectory() + "skillmesh-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: root) }
    let content = Data((0..<5_000_000).map { UInt8(truncatingIfNeeded: $0 >> 5) })
    try content.write(to: URL(fileURLWithPath: root + "/large.bin"))
    let files = StaticFiles(root: root)
    let server = try HTTPServer(on: .anyLoopbackPort) { request in
      files.answer(request.head, try RequestTarget(request.head))
    }
    defer { server.stop() }
    let copy = root + "/copy"
    #expect(try await curl(server, "/large.bin", "--output", copy, "--write-out", "%{http_code}") == "200")
    #expect(try Data(contentsOf: URL(fileURLWithPath: copy)) == content)
    try content.prefix(1_234_567).write(to: URL(fileURLWithPath: copy))
    #expect(
      try await curl(server, "/large.bin", "--continue-at", "-", "--output", copy, "--write-out", "%{http_code}")
        == "206")
    #expect(try Data(contentsOf: URL(fileURLWithPath: copy)) == content)
  }
}
