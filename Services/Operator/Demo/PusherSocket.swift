import EventLoop
import Foundation
import HTTP
import Wire

/// A socket that speaks the Pusher Channels protocol, version 7.
@Loop final class PusherSocket {
  private static let path = "/app/skillmesh?protocol=7&client=mesh-demo&version=1"

  let heard = Heard()
  private let gateway: GatewayClient
  private let token: String
  private var socket: WebSocketClient?
  private var id = ""

  private init(_ gateway: GatewayClient, token: String) { (self.gateway, self.token) = (gateway, token) }

  /// Connects. Throws `Unexpected`, `SocketError` or `WebSocketOpeningError`.
  static func connect(to gateway: GatewayClient, token: String, device: String) async throws -> PusherSocket {
    let client = PusherSocket(gateway, token: token)
    let began = ContinuousClock.now
    let heard = client.heard
    client.socket = try await WebSocketClient.connect(
      to: gateway.address, "\(path)&deviceId=\(device)", headers: gateway.traceHeaders,
      hear: { text in if let event = event(text) { heard.add(event) } },
      end: { heard.finish("a socket that was closed with \($0.code)") })
    let greeting = try await heard.next("pusher:connection_established")
    guard let id = greeting.data["socket_id"]?.string else { throw Unexpected("a socket_id", got: "none") }
    client.id = id
    gateway.stage.tell("gateway", "WebSocket, Pusher protocol 7", "open", .now - began)
    return client
  }

  /// Subscribes, with leave of whoever owns the channel; from a position on if there is one. Returns where the channel is,
  /// and who is in it.
  func subscribe(_ channel: String, asking owner: String, from position: String? = nil) async throws -> PushedEvent {
    let leave = try await gateway.ask(
      owner, "POST", "/api/v1/realtime/auth", token: token, ["socket_id": id, "channel_name": channel], expecting: [200]
    )
    var data: [String: any Sendable] = ["channel": channel, "auth": leave["auth"]?.string ?? ""]
    if let shown = leave["channel_data"]?.string { data["channel_data"] = shown }
    if let position { data["position"] = position }
    let began = ContinuousClock.now
    try send(["event": "pusher:subscribe", "data": data])
    let answer = try await heard.next("pusher_internal:subscription_succeeded")
    gateway.stage.tell("gateway", "subscribe \(Channels.kind(of: channel))", "ok", .now - began)
    return answer
  }

  /// Says on a channel that its member types.
  func type(on channel: String) throws {
    try send(["event": "client-typing", "channel": channel, "data": [String: String]()])
  }

  /// Says goodbye.
  func close() { socket?.close() }

  /// Is gone without a word, as when a train enters a tunnel.
  func cut() { socket?.drop() }

  private func send(_ message: [String: any Sendable]) throws {
    socket?.send(Array(try JSONSerialization.data(withJSONObject: message)))
  }

  /// Payloads are JSON in a string of JSON.
  private static func event(_ text: [UInt8]) -> PushedEvent? {
    guard let envelope = try? JSONValue.parse(text), let name = envelope["event"]?.string else { return nil }
    let data = envelope["data"]?.string.flatMap { try? JSONValue.parse(Array($0.utf8)) } ?? envelope["data"] ?? envelope
    return PushedEvent(name: name, data: data, position: envelope["position"]?.string)
  }
}

/// Names of channels.
enum Channels {
  static func conversation(_ id: String) -> String { "presence-conversation-\(id)" }
  static func member(_ id: String) -> String { "private-user-\(id)" }

  /// A name without the number that makes it long.
  static func kind(of channel: String) -> String { "\(channel.dropLast(36))…" }
}
