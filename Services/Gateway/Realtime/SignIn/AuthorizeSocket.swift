import Contract
import EventLoop
import Mesh
import enum Wire.JSONEncoding

/// Lets the client behind a Pusher socket subscribe to a channel, as Pusher's libraries ask for it: with JSON, or as a
/// form. It also signs the member in over that socket.
struct AuthorizeSocket: Endpoint {
  static let name = "gateway.authorize-socket"
  static let route: Route? = .post("/api/v1/realtime/auth", .member, body: .form)
  static let success = 200

  enum Refusal: String, Contract.Refusal, CaseIterable {
    case forbidden
    case otherMember = "other_member"
    case unknownChannel = "unknown_channel"
    case unknownSocket = "unknown_socket"
    case tooManyConnections = "too_many_connections"

    var status: Int {
      switch self {
      case .forbidden, .otherMember: 403
      case .unknownChannel, .unknownSocket: 404
      case .tooManyConnections: 429
      }
    }

    var detail: String {
      switch self {
      case .forbidden: RealtimeRefusal.notAllowed.detail
      case .otherMember: RealtimeRefusal.otherMember.detail
      case .unknownChannel: RealtimeRefusal.unknownChannel.detail
      case .unknownSocket: RealtimeRefusal.unknownSocket.detail
      case .tooManyConnections: RealtimeRefusal.tooManyConnections.detail
      }
    }
  }

  struct Reply: Codable, Sendable {
    /// The application's key, a colon, and the signature to subscribe with.
    let auth: String
    /// Of a presence channel: who subscribes, as JSON, to be sent with the signature.
    let channelData: String?

    enum CodingKeys: String, CodingKey {
      case auth
      case channelData = "channel_data"
    }
  }

  let socketID: String
  let channelName: Channel

  enum CodingKeys: String, CodingKey {
    case socketID = "socket_id"
    case channelName = "channel_name"
  }
}

/// Answers `AuthorizeSocket`.
@Loop struct SocketAuthorization {
  let realtime: Realtime
  let signIn: SocketSignIn
  let signatures: PusherSignatures

  /// What the gateway tells of itself as services do in the catalogue.
  static func record() throws -> ServiceRecord {
    ServiceRecord(
      service: "gateway", version: 1, endpoints: [try EndpointRecord(AuthorizeSocket.self, mayBeHedged: false)],
      events: [])
  }

  /// The answer to `body`, sent by `signedIn`.
  func answer(_ body: [UInt8], from signedIn: SignedIn) async -> Answer {
    do {
      let request = try FieldDecoding.decode(AuthorizeSocket.self, from: body.isEmpty ? Array("{}".utf8) : body)
      guard let socket = SocketID(request.socketID) else { throw RealtimeRefusal.unknownSocket }
      let grant = try await realtime.admission.grant(signedIn, on: request.channelName)
      try await signIn.signIn(socket, as: signedIn)
      let data = request.channelName.kind == .presence ? PusherText.channelData(signedIn.member, grant.listing) : nil
      let reply = AuthorizeSocket.Reply(
        auth: signatures.sign(socket, request.channelName, data), channelData: data)
      return Answer(.reply, status: 200, body: try JSONEncoding.bytes(of: reply))
    } catch let refusal as RealtimeRefusal {
      return Answer(Problem(refusal.status, refusal.code, refusal.detail))
    } catch let problem as Problem {
      return Answer(problem)
    } catch {
      return Answer(Problem(500, "internal_error", "Something is wrong on our side; it has been noted."))
    }
  }
}
