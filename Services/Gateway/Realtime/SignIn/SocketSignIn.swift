import Contract
import Crypto
import EventLoop
import Mesh
import Redis
import Telemetry
import enum Wire.JSONEncoding

/// Says who is at the other end of a socket, whichever gateway has it: a client asks over HTTP, at any gateway, and the
/// socket's own gateway has to know before the answer goes out.
///
/// Gateways write to one another by Redis, sealed. A letter that is lost makes its sender give up after two seconds; to
/// repeat it is safe.
@Loop final class SocketSignIn {
  private static let patience = Duration.seconds(2)
  private static let limit = 10_000

  /// What gateways write to one another.
  private struct Letter: Codable {
    let number: Int
    /// The gateway that writes.
    let from: String
    /// In a question: the socket, and who is to be signed in.
    var socket: String?
    var signedIn: SignedIn?
    /// In an answer: why not.
    var refusal: RealtimeRefusal?
  }

  private let realtime: Realtime
  private let redis: RedisClient
  private let ring: KeyRing
  private let log: Log
  private var waiting: [Int: Promise<RealtimeRefusal?>] = [:]
  private var lastNumber = 0

  init(_ realtime: Realtime, _ redis: RedisClient, root: KeyRing, log: Log) {
    (self.realtime, self.redis, self.log) = (realtime, redis, log)
    ring = root.derived(for: "realtime letters")
  }

  /// Where the letters to a gateway go.
  static func topic(of gateway: UInt64) -> String { "rt:gateway:\(gateway)" }

  /// Signs `socket` in. Throws the refusal of its gateway; 404 when there is no such socket, 503 when its gateway cannot
  /// be reached.
  func signIn(_ socket: SocketID, as signedIn: SignedIn) async throws(RealtimeRefusal) {
    if socket.gateway == realtime.gateway {
      guard let session = realtime.session(socket) else { throw .unknownSocket }
      return try signIn(session, as: signedIn)
    }
    guard waiting.count < Self.limit else { throw .unavailable }
    lastNumber += 1
    let number = lastNumber
    let promise = Promise<RealtimeRefusal?>()
    waiting[number] = promise
    defer { waiting[number] = nil }
    let refusal: RealtimeRefusal?
    do {
      let letter = Letter(number: number, from: "\(realtime.gateway)", socket: socket.description, signedIn: signedIn)
      guard try await send(letter, to: socket.gateway) > 0 else {
        // A gateway that has lost Redis hears nothing until it is back, and its sockets live.
        let isGone = try await realtime.hub.rosters.isGone(socket.gateway)
        throw isGone ? RealtimeRefusal.unknownSocket : .unavailable
      }
      let timer = Loop.schedule(after: Self.patience) { promise.fail(RealtimeRefusal.unavailable) }
      defer { timer.cancel() }
      refusal = try await promise.value
    } catch let error as RealtimeRefusal {
      throw error
    } catch {
      log.limited().warning("another gateway cannot be reached", ["error": "\(error)"])
      throw .unavailable
    }
    if let refusal { throw refusal }
  }

  /// Signs in a socket of this gateway, and ends it where its member has too many.
  private func signIn(_ session: Session, as signedIn: SignedIn) throws(RealtimeRefusal) {
    do {
      try realtime.signIn(session, as: signedIn)
    } catch {
      if error == .tooManyConnections { session.subscriber?.close(.tooMany) }
      throw error
    }
  }

  /// Returns how many gateways have heard it: one, or none.
  private func send(_ letter: Letter, to gateway: UInt64) async throws -> Int {
    let topic = Self.topic(of: gateway)
    let sealed = ring.seal(try JSONEncoding.bytes(of: letter), context: topic.utf8)
    return try await redis.send("PUBLISH \(topic) \(sealed)").decode()
  }

  /// Takes a letter to this gateway.
  func receive(_ sealed: [UInt8]) {
    guard let bytes = try? ring.open(sealed, context: Self.topic(of: realtime.gateway).utf8),
      let letter = try? FieldDecoding.decode(Letter.self, from: bytes)
    else { return log.limited().warning("a letter of another gateway does not open") }
    guard let socket = letter.socket.flatMap(SocketID.init), let signedIn = letter.signedIn else {
      waiting[letter.number]?.fulfil(letter.refusal)
      return
    }
    guard let sender = UInt64(letter.from) else { return }
    var answer = Letter(number: letter.number, from: "\(realtime.gateway)")
    if let session = realtime.session(socket) {
      do { try signIn(session, as: signedIn) } catch { answer.refusal = error }
    } else {
      answer.refusal = .unknownSocket
    }
    Loop.task { [self, answer] in
      do { _ = try await send(answer, to: sender) } catch {
        log.limited().warning("another gateway cannot be answered", ["error": "\(error)"])
      }
    }
  }
}
