import HTTP

/// Why a request is refused by Engine.IO, in the numbers and words that its libraries know.
enum EngineIORefusal: Int, Error, CaseIterable {
  case unknownTransport = 0
  case unknownSession
  case badHandshakeMethod
  case badRequest
  case unsupportedVersion = 5

  private var message: String {
    switch self {
    case .unknownTransport: "Transport unknown"
    case .unknownSession: "Session ID unknown"
    case .badHandshakeMethod: "Bad handshake method"
    case .badRequest: "Bad request"
    case .unsupportedVersion: "Unsupported protocol version"
    }
  }

  /// The answer to the request.
  var response: HTTPResponse {
    HTTPResponse(
      status: 400, type: "application/json", bytes: Array(#"{"code":\#(rawValue),"message":"\#(message)"}"#.utf8))
  }
}
