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
  /// What the gateway knows about the client; nil when a service asks on its own account.
  public var client: ClientDetails?

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

extension Context {
  /// Throws a 412 problem when the client wants to change another version than the one with this entity tag (`If-Match`,
  /// RFC 9110, section 13.1.1). Whoever names no version may change any.
  public func checkMatch(_ entityTag: String) throws {
    guard let wanted = client?.ifMatch, wanted != "*" else { return }
    let tags = wanted.split(separator: ",").map { tag in tag.drop { $0 == " " }.prefix { $0 != " " } }
    guard tags.contains(entityTag[...]) else {
      throw Problem(412, "changed_meanwhile", "It was changed meanwhile. Read it again, and repeat the change on that.")
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
    var path = passport.path
    if let object = passport.object { path.pairs.append(("object", object.text)) }
    return try FieldDecoding.request(type, path: path, body: body, isPublic: passport.asker == nil)
  }
}
