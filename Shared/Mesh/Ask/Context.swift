public import Contract
public import Telemetry

/// The circumstances in which a request is answered.
public struct Context: Sendable {
  /// Who asks.
  public let caller: Caller
  /// The identifier under which logs know the request.
  public let request: UniqueID
  /// After this nobody waits for the answer any more.
  public let deadline: Timestamp
  /// The time at which answering began: the one clock reading of a request.
  public let now: Timestamp
  /// The span of answering.
  public let trace: TraceContext

  /// The member who asks, or for whom a service asks. Throws a 401 problem when there is none.
  public var member: MemberID {
    get throws {
      guard let member = caller.member else {
        throw Problem(401, "not_signed_in", "Sign in, and send the access token with the request.")
      }
      return member
    }
  }
}

/// A question that has arrived and was opened.
struct Asked: Sendable {
  let passport: Passport
  let body: [UInt8]
  let isHedge: Bool
  let context: Context

  /// The request, decoded. Throws a `Problem` that lists what is wrong with it.
  func decode<Request: Endpoint>(_ type: Request.Type) throws(Problem) -> Request {
    try FieldDecoding.request(type, path: passport.path, body: body, isPublic: passport.asker == nil)
  }
}
