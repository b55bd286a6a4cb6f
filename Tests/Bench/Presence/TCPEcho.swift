import BenchKit
import EventLoop
import Foundation

/// What a round trip costs that does nothing: messages to a process that sends back what it gets.
@Loop final class TCPEcho: SocketDelegate {
  /// The argument that makes the benchmark the far side.
  nonisolated static let word = "tcp-echo"

  private let process = Process()
  private let input = Pipe()
  private let address: SocketAddress
  private var sockets: [Socket] = []
  private let message: [UInt8]
  private var count = 0
  private var isOver = false

  /// Serves until its standard input ends, as it does when the measuring process is gone.
  static func serve() async throws {
    let far = Far()
    let listener = try Listener(on: .anyLoopbackPort) { $0.delegate = far }
    FileHandle.standardOutput.write(Data("\(listener.address.port)\n".utf8))
    let ended = Promise<Void>()
    let watch = Watch(0) { _ in ended.fulfil(()) }
    watch.interest = .readable
    try await ended.value
    listener.close()
  }

  /// The side that answers.
  @Loop private final class Far: SocketDelegate {
    func received(_ bytes: UnsafeMutableRawBufferPointer, on socket: Socket) {
      socket.send(copying: UnsafeRawBufferPointer(bytes))
    }
    func closed(_ socket: Socket, reason: SocketError?) {}
  }

  /// Starts the far side, for messages of `size` bytes.
  init(size: Int) throws {
    message = [UInt8](repeating: 0x61, count: size)
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    process.arguments = [Self.word]
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
    guard let port = UInt16(line.trimmingCharacters(in: .whitespacesAndNewlines)) else {
      throw BenchFailure("the echo process did not start")
    }
    address = try SocketAddress(host: "127.0.0.1", port: port)
  }

  /// Round trips a second over so many connections, one message on its way on each.
  func measure(connections: Int, for duration: Duration) async throws -> Double {
    for _ in 0..<connections {
      let socket = try await Socket.connect(to: address)
      socket.delegate = self
      sockets.append(socket)
    }
    let begin = ContinuousClock.now
    for socket in sockets { socket.send(message) }
    try await Loop.sleep(for: duration)
    isOver = true
    let rate = Double(count) / ((ContinuousClock.now - begin) / .seconds(1))
    for socket in sockets { socket.close() }
    try? input.fileHandleForWriting.close()
    process.waitUntilExit()
    return rate
  }

  func received(_ bytes: UnsafeMutableRawBufferPointer, on socket: Socket) {
    // A message of this size arrives whole over loopback.
    count += bytes.count / message.count
    if !isOver { socket.send(message) }
  }

  func closed(_ socket: Socket, reason: SocketError?) {}
}
