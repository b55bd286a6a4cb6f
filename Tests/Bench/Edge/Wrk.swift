import BenchKit
import EventLoop
import Foundation
import TestKit

/// An HAProxy that answers every request itself, with the same few bytes.
@Loop final class FixedProxy {
  let url: String
  let process: ServerProcess

  init() async throws {
    let listener = try Listener(on: .anyLoopbackPort) { $0.close() }
    let address = listener.address
    listener.close()
    url = "http://\(address)/"
    process = try ServerProcess("haproxy", run: "haproxy -f haproxy.cfg -db", probe: "curl -sf http://\(address)/")
    let settings = """
      global
        nbthread 1
      defaults
        mode http
        timeout client 30s
        timeout connect 5s
        timeout server 30s
      frontend fixed
        bind \(address)
        http-request return status 200 content-type application/json string '{"text":"hello"}'

      """
    try settings.write(toFile: "\(process.folder)/haproxy.cfg", atomically: true, encoding: .utf8)
    try await process.start()
  }
}

/// `wrk`, the load generator.
@Loop struct Wrk {
  /// What it says of a run.
  struct Result {
    let perSecond: Double
    let count: Int
    let p50: String
    let p99: String
  }

  private let proxy: FixedProxy
  private let limit: Duration

  /// Runs in the proxy's folder.
  init(_ proxy: FixedProxy, limit: Duration) { (self.proxy, self.limit) = (proxy, limit) }

  /// Asks for `url`, with one of `tokens` after the other if there are any. Throws when anything but 2xx is answered.
  func run(_ url: String, tokens: [String] = []) async throws -> Result {
    let list = tokens.map { "\"\($0)\"" }.joined(separator: ", ")
    let script = """
      local tokens = { \(list) }
      local number = 0
      function request()
        if #tokens > 0 then
          number = number % #tokens + 1
          wrk.headers["Authorization"] = "Bearer " .. tokens[number]
        end
        return wrk.format()
      end

      """
    let file = "\(proxy.process.folder)/wrk.lua"
    try script.write(toFile: file, atomically: true, encoding: .utf8)
    try await proxy.process.run(
      "wrk", ["-t", "1", "-c", "32", "-d", "\(max(1, limit.components.seconds))s", "--latency", "-s", file, url])
    let output = try String(contentsOfFile: "\(proxy.process.folder)/run.log", encoding: .utf8)
    func word(after start: String) -> String? {
      let line = output.split(separator: "\n").first { $0.drop { $0 == " " }.hasPrefix(start) }
      return line?.split(separator: " ").last.map(String.init)
    }
    let total = output.split(separator: "\n").first { $0.contains(" requests in ") }?.split(separator: " ").first
    guard !output.contains("Non-2xx"), !output.contains("Socket errors"),
      let rate = word(after: "Requests/sec:").flatMap({ Double($0) }), let count = total.flatMap({ Int($0) }), count > 0
    else { throw BenchFailure("\(url): wrk says \(output)") }
    return Result(perSecond: rate, count: count, p50: word(after: "50%") ?? "", p99: word(after: "99%") ?? "")
  }
}
