import EventLoop
import Glibc
import Testing

@testable import Operator

/// A listening socket that takes no more connections, as that of a process that stands still.
private struct FullListener {
  let address: String
  private let descriptors: [CInt]

  init() throws {
    let listening = try Self.makeSocket()
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    try Self.withPointer(to: &address) { pointer in
      try #require(bind(listening, pointer, length) == 0)
      try #require(listen(listening, 0) == 0)
      try #require(getsockname(listening, pointer, &length) == 0)
    }
    // One or two are taken without anybody's doing.
    let others = try (0..<4).map { _ in try Self.makeSocket() }
    for other in others { Self.withPointer(to: &address) { _ = connect(other, $0, length) } }
    descriptors = [listening] + others
    self.address = "127.0.0.1:\(UInt16(bigEndian: address.sin_port))"
  }

  func close() { descriptors.forEach { _ = Glibc.close($0) } }

  private static func makeSocket() throws -> CInt {
    let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
    try #require(descriptor >= 0)
    return descriptor
  }

  private static func withPointer<Result>(
    to address: inout sockaddr_in, _ body: (UnsafeMutablePointer<sockaddr>) throws -> Result
  ) rethrows -> Result {
    try withUnsafeMutablePointer(to: &address) {
      try $0.withMemoryRebound(to: sockaddr.self, capacity: 1, body)
    }
  }
}

@Suite struct ProbeTests {
  @Test func `a process that takes no connection is not waited for`() async throws {
    let listener = try FullListener()
    defer { listener.close() }
    let began = ContinuousClock.now
    #expect(await Probe.isReady(http: listener.address) == false)
    // The system alone would try for two minutes.
    #expect(began.duration(to: .now) < .seconds(30))
  }
}
