import EventLoop
import Foundation
import Telemetry
import Testing
import Wire

@testable import Broker

/// A broker in this process, with a folder of its own, for one test.
@Loop final class TestBroker {
  let broker: Broker
  private let folder: String

  init(_ flags: [String] = []) throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "skillmesh-\(UUID().uuidString)").path
    let options = try BrokerOptions.read(
      arguments: ["--data", folder, "--listen", "127.0.0.1:0", "--ops", "127.0.0.1:0"] + flags,
      environment: { _ in nil })
    broker = try Broker(options, .disabled)
    try broker.start()
  }

  func connect() async throws -> TestClient {
    let address = try #require(broker.address)
    return TestClient(try await Socket.connect(to: address))
  }

  func stop() async {
    await broker.stop()
    try? FileManager.default.removeItem(atPath: folder)
  }
}

/// A client that writes frames, or anything else, and reads frames.
@Loop final class TestClient: SocketDelegate {
  private let socket: Socket
  private var framer = KafkaFramer()
  private var frames: [[UInt8]] = []
  private(set) var isClosed = false

  init(_ socket: Socket) {
    self.socket = socket
    socket.delegate = self
  }

  func received(_ bytes: UnsafeMutableRawBufferPointer, on socket: Socket) {
    do {
      try framer.receive(bytes) { frames.append([UInt8](UnsafeRawBufferPointer($0))) }
    } catch {
      Issue.record("the broker sent what is no frame: \(error)")
    }
  }

  func closed(_ socket: Socket, reason: SocketError?) { isClosed = true }

  func close() { socket.close() }

  func send(_ bytes: [UInt8]) { socket.send(bytes) }

  func send(_ request: some KafkaRequest, version: Int16, correlationID: Int32, records: [[UInt8]] = []) {
    socket.send(request.frame(version: version, correlationID: correlationID, clientID: "test").filled(with: records))
  }

  /// The next frame, or nil when the broker has closed the connection.
  func next() async throws -> [UInt8]? {
    for _ in 0..<5000 where frames.isEmpty && !isClosed { try await Loop.sleep(for: .milliseconds(2)) }
    try #require(!frames.isEmpty || isClosed, "the broker said nothing for 10 s")
    return frames.isEmpty ? nil : frames.removeFirst()
  }

  /// The next answer, which must be to this request.
  func answer<Response: KafkaResponse>(
    _ type: Response.Type, version: Int16, correlationID: Int32
  ) async throws -> Response {
    let frame = try #require(try await next(), "the broker closed the connection")
    return try frame.withUnsafeBytes { bytes in
      var reader = KafkaReader(bytes)
      let header = try KafkaResponseHeader(decoding: &reader, api: Response.api, version: version)
      #expect(header.correlationID == correlationID)
      let response = try Response(decoding: &reader, version: version)
      try reader.expectEnd()
      return response
    }
  }

  /// Sends a request and waits for its answer.
  func ask<Request: KafkaRequest>(
    _ request: Request, version: Int16, records: [[UInt8]] = []
  ) async throws -> Request.Response {
    send(request, version: version, correlationID: 7, records: records)
    return try await answer(Request.Response.self, version: version, correlationID: 7)
  }
}
