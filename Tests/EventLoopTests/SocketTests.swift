import EventLoop
import Glibc
import Testing

/// Sends back what it gets.
@Loop private final class Echo: SocketDelegate {
  func received(_ bytes: UnsafeMutableRawBufferPointer, on socket: Socket) { socket.send(copying: .init(bytes)) }
  func closed(_ socket: Socket, reason: SocketError?) {}
}

/// Gathers what arrives and lets a test wait for it.
@Loop private final class Collector: SocketDelegate {
  private(set) var bytes: [UInt8] = []
  private(set) var closure: (isClosed: Bool, reason: SocketError?) = (false, nil)

  func received(_ bytes: UnsafeMutableRawBufferPointer, on socket: Socket) { self.bytes.append(contentsOf: bytes) }
  func closed(_ socket: Socket, reason: SocketError?) { closure = (true, reason) }

  func wait(until condition: (Collector) -> Bool) async throws {
    for _ in 0..<5000 where !condition(self) { try await Loop.sleep(for: .milliseconds(2)) }
    try #require(condition(self), "gave up after 10 s with \(bytes.count) bytes")
  }
}

@Suite struct SocketTests {
  @Loop private func connect(to listener: Listener) async throws -> (Socket, Collector) {
    let socket = try await Socket.connect(to: listener.address)
    let collector = Collector()
    socket.delegate = collector
    return (socket, collector)
  }

  @Test @Loop func `what is sent comes back whole and in order, whatever its size`() async throws {
    let listener = try Listener(on: .anyLoopbackPort) { $0.delegate = Echo() }
    defer { listener.close() }
    let (socket, collector) = try await connect(to: listener)
    var expected: [UInt8] = []
    for size in [1, 10, 5_000, 1, 300_000, 2, 3_000_000] {
      let piece = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ size) }
      expected += piece
      socket.send(piece)
    }
    try await collector.wait { $0.bytes.count >= expected.count }
    #expect(collector.bytes == expected)
    #expect(socket.pendingOutput == 0)
    socket.close()
  }

  @Test @Loop func `a stretch of a file is sent between the bytes before and after it`() async throws {
    let path = "/tmp/skillmesh-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
    let file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    try #require(file >= 0)
    defer {
      unlink(path)
      close(file)
    }
    let content = (0..<2_000_000).map { UInt8(truncatingIfNeeded: $0 >> 3) }
    #expect(write(file, content, content.count) == content.count)
    let owner = Echo()
    let listener = try Listener(on: .anyLoopbackPort) { socket in
      socket.delegate = owner
      socket.send([1, 2])
      socket.send(FileRegion(owner: owner, descriptor: file, offset: 1000, count: 1_500_000))
      socket.send([3, 4])
      socket.closeWhenDrained()
    }
    defer { listener.close() }
    let (_, collector) = try await connect(to: listener)
    try await collector.wait { $0.closure.isClosed }
    #expect(collector.closure.reason == nil)
    #expect(collector.bytes == [1, 2] + content[1000..<1_501_000] + [3, 4])
  }

  @Test @Loop func `a peer that does not read stops being read, and goes on when it reads again`() async throws {
    var served: Socket?
    let listener = try Listener(on: .anyLoopbackPort) { socket in
      socket.delegate = Echo()
      socket.outputLimit = 100_000
      served = socket
    }
    defer { listener.close() }
    let (socket, collector) = try await connect(to: listener)
    socket.pauseReading()
    socket.outputLimit = .max
    let piece = [UInt8](repeating: 7, count: 1 << 20)
    for _ in 0..<32 { socket.send(piece) }
    try await Loop.sleep(for: .milliseconds(200))
    let server = try #require(served)
    // The echo may overshoot by the one read that crossed the limit, never by more.
    #expect(server.pendingOutput <= 100_000 + 256 * 1024)
    #expect(socket.pendingOutput > 0)
    socket.resumeReading()
    try await collector.wait { $0.bytes.count == 32 << 20 }
    socket.close()
  }

  @Test @Loop func `connecting to a port where nobody listens says so`() async throws {
    let listener = try Listener(on: .anyLoopbackPort) { $0.close() }
    let address = listener.address
    listener.close()
    let error = await #expect(throws: SocketError.self) { try await Socket.connect(to: address) }
    #expect(error?.description == "cannot connect to \(address): Connection refused")
  }

  @Test @Loop func `a port in use is refused with a clear error, and shared when both sides say so`() async throws {
    let first = try Listener(on: .anyLoopbackPort, sharingPort: true) { $0.close() }
    defer { first.close() }
    let error = #expect(throws: SocketError.self) { try Listener(on: first.address) { $0.close() } }
    #expect(error?.code == EADDRINUSE)
    let second = try Listener(on: first.address, sharingPort: true) { $0.close() }
    second.close()
  }
}
