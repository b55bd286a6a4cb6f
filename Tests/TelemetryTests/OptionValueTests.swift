import Testing

@testable import Telemetry

@Suite struct OptionValueTests {
  @Test(arguments: [
    ("250us", Duration.microseconds(250)), ("5ms", .milliseconds(5)), ("2s", .seconds(2)), ("15m", .seconds(900)),
    ("1h", .seconds(3_600)), ("7d", .seconds(604_800)), ("0s", .zero),
  ])
  func `a duration reads and writes as a number and a unit`(text: String, duration: Duration) {
    #expect(Duration(option: text) == duration)
    #expect(duration.optionText == text)
  }

  @Test(arguments: ["", "5", "ms", "-5ms", "5 ms", "1.5s", "5MS", "9999999999999d", "٥s"])
  func `a duration without number or unit, signed, or too large is refused`(text: String) {
    #expect(Duration(option: text) == nil)
  }

  @Test(arguments: [
    ("512B", 512), ("64KiB", 65_536), ("64MiB", 67_108_864), ("2GiB", 2_147_483_648), ("10MB", 10_000_000),
  ])
  func `a size reads and writes as a number and a unit`(text: String, bytes: Int) {
    #expect(ByteSize(option: text)?.bytes == bytes)
    #expect(ByteSize(bytes: bytes).optionText == text)
  }

  @Test func `a size without unit is in bytes, and too large a one is refused`() {
    #expect(ByteSize(option: "512")?.bytes == 512)
    #expect(ByteSize(option: "9999999TiB") == nil)
    #expect(ByteSize(option: "1Kib") == nil)
    #expect(ByteSize(option: "-1") == nil)
  }

  @Test(arguments: [
    ("localhost:9092", "localhost", 9092), ("[::1]:0", "::1", 0),
    ("my_host-1.example:65535", "my_host-1.example", 65535),
  ])
  func `a host and port are split at the last colon`(text: String, host: String, port: Int) {
    let value = HostPort(option: text)
    #expect(value?.host == host)
    #expect(value.map { Int($0.port) } == port)
    #expect(value?.optionText == text)
  }

  @Test(arguments: [":80", "host", "host:", "host:65536", "host:+80", "::1:80", "[]:80", "[x]:80", "a b:80", "h\n:80"])
  func `a host and port with a part missing or malformed is refused`(text: String) {
    #expect(HostPort(option: text) == nil)
  }

  @Test func `a list is split at commas and refused if any part is malformed or empty`() {
    #expect([HostPort](option: "a:1, b:2")?.map(\.port) == [1, 2])
    #expect([HostPort](option: "a:1,") == nil)
    #expect([HostPort](option: "a:1,b") == nil)
  }

  @Test func `a URL has a scheme and something behind it`() {
    #expect(ServiceURL(option: "Redis://127.0.0.1:6379/0")?.scheme == "redis")
    for text in ["redis", "redis://", "://x", "1a://x", "a b://x", "redis://a b", "redis://a\n"] {
      #expect(ServiceURL(option: text) == nil, "\(text)")
    }
  }

  @Test func `numbers must be whole, finite and nothing else`() {
    #expect(Int(option: "-12") == -12)
    #expect(Int(option: "1e3") == nil)
    #expect(Double(option: "0.25") == 0.25)
    #expect(Double(option: "nan") == nil)
  }
}
