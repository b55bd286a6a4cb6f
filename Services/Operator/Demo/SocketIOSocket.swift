import EventLoop
import Foundation
import HTTP
import Wire

/// A socket that speaks Socket.IO 5 on Engine.IO 4, over WebSocket.
@Loop final class SocketIOSocket {
  private static let path = "/socket.io/?EIO=4&transport=websocket"
  /// What it is called here that the client has joined.
  private static let joined = "connect"

  let heard = Heard()
  private let gateway: GatewayClient
  private var socket: WebSocketClient?
  private var calls: UInt64 = 0

  private init(_ gateway: GatewayClient) { self.gateway = gateway }

  /// Connects and signs in. Throws `Unexpected`, `SocketError` or `WebSocketOpeningError`.
  static func connect(to gateway: GatewayClient, token: String, device: String) async throws -> SocketIOSocket {
    let client = SocketIOSocket(gateway)
    let began = ContinuousClock.now
    client.socket = try await WebSocketClient.connect(
      to: gateway.address, path, headers: gateway.traceHeaders, hear: { [weak client] in client?.hear($0) },
      end: { [heard = client.heard] in heard.finish("a socket that was closed with \($0.code)") })
    let auth = try JSONSerialization.data(withJSONObject: ["token": token, "deviceId": device])
    client.send(.message, Array("0".utf8) + auth)
    _ = try await client.heard.next(joined)
    gateway.stage.tell("gateway", "WebSocket, Socket.IO on Engine.IO 4", "open", .now - began)
    return client
  }

  /// Subscribes; returns what the gateway acknowledges it with.
  func subscribe(_ channel: String) async throws -> JSONValue {
    let began = ContinuousClock.now
    let answer = try await call("subscribe", ["channel": channel])
    gateway.stage.tell("gateway", "subscribe \(Channels.kind(of: channel))", "ok", .now - began)
    return answer
  }

  /// Says on a channel that its member types.
  func type(on channel: String) async throws { _ = try await call("typing", ["channel": channel]) }

  /// Says goodbye.
  func close() {
    send(.message, Array("1".utf8))
    socket?.close()
  }

  /// Emits an event, and waits until it is acknowledged. Throws `Unexpected` when it was not done.
  private func call(_ name: String, _ argument: [String: String]) async throws -> JSONValue {
    calls += 1
    let number = calls
    let arguments: [any Sendable] = [name, argument]
    send(.message, Array("2\(number)".utf8) + (try JSONSerialization.data(withJSONObject: arguments)))
    let answer = try await heard.next("ack \(number)").data
    try expect(
      answer["ok"]?.boolean == true, "\(name) to be acknowledged", got: String(decoding: answer.text, as: UTF8.self))
    return answer
  }

  private func send(_ kind: EngineIOPacket.Kind, _ data: [UInt8] = []) {
    socket?.send(EngineIOPacket(kind, data[...]).text)
  }

  private func hear(_ text: [UInt8]) {
    guard let packet = try? EngineIOPacket(text[...]) else { return heard.finish("a packet that is not Engine.IO") }
    switch packet.kind {
    case .ping: send(.pong, Array(packet.data))
    case .message: take(packet.data)
    case .open, .close, .pong, .upgrade, .noop: break
    }
  }

  private func take(_ message: ArraySlice<UInt8>) {
    do throws(SocketIOError) {
      switch try SocketIOPacket(message) {
      case .connect(_, let data): add(Self.joined, data)
      case .disconnect: heard.finish("a goodbye")
      case .event(let event): add(event.name, event.arguments.first)
      case .ack(_, let number, let arguments): add("ack \(number)", arguments.first)
      }
    } catch .notForServers {
      heard.finish("a refusal: \(String(decoding: message.dropFirst(), as: UTF8.self))")
    } catch {
      heard.finish("a packet that is not Socket.IO: \(error)")
    }
  }

  private func add(_ name: String, _ data: JSONValue?) {
    guard let data = data ?? (try? JSONValue.parse(Array("null".utf8))) else { return }
    heard.add(PushedEvent(name: name, data: data, position: data["position"]?.string))
  }
}
