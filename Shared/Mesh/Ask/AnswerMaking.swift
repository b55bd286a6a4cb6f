public import Contract
import Wire

extension Answer {
  /// The reply of an endpoint: a document as it is, a redirect as its headers, anything else as JSON; nothing for 204.
  static func reply<Request: Endpoint>(to type: Request.Type, _ reply: Request.Reply) throws -> Answer {
    let status = (reply as? any ReplyStatus)?.status ?? type.success
    let body: [UInt8]
    if let document = reply as? Document {
      body = document.bytes
    } else if status == 204 || reply is Redirect {
      body = []
    } else {
      body = try JSONEncoding.bytes(of: reply)
    }
    return Answer(.reply, status: status, body: body, headers: (reply as? any ReplyHeaders)?.headers ?? [])
  }

  /// The answer that an error is: a refusal or a problem; nil for a failure.
  static func no(_ error: any Error) -> Answer? {
    switch error {
    case let refused as RefusalForNow: Answer(Problem(refused.refusal), headers: [refused.header])
    case let refusal as any Refusal: Answer(Problem(refusal))
    case let problem as Problem: Answer(problem)
    default: nil
    }
  }

  /// A problem as an answer.
  public init(_ problem: Problem, kind: Kind = .problem, headers: [ReplyHeader] = []) {
    // A problem is text and numbers, which always have a JSON form.
    self.init(kind, status: problem.status, body: (try? JSONEncoding.bytes(of: problem)) ?? [], headers: headers)
  }

  /// What is said when something that may pass stood in the way.
  static var failure: Answer {
    Answer(
      Problem(503, "unavailable", "This cannot be done at the moment. Try again with the same Idempotency-Key."),
      kind: .failure)
  }

  /// What is said when the service is at fault.
  static var bug: Answer {
    Answer(Problem(500, "internal_error", "Something is wrong on our side; it has been noted."), kind: .failure)
  }

  /// What the answer to a request is for whoever asked: the reply; a refusal or a `Problem` is thrown.
  public func open<Request: Endpoint>(as type: Request.Type) throws -> Request.Reply {
    guard kind != .reply else {
      if let nothing = Nothing() as? Request.Reply { return nothing }
      if let document = Document(body) as? Request.Reply { return document }
      return try FieldDecoding.decode(Request.Reply.self, from: body)
    }
    let problem = try FieldDecoding.decode(Problem.self, from: body)
    // A refusal is known by its code, which is the raw value of its case.
    let code = try JSONEncoding.bytes(of: problem.code)
    if kind == .problem, let refusal = try? FieldDecoding.decode(Request.Refusal.self, from: code) { throw refusal }
    throw problem
  }
}
