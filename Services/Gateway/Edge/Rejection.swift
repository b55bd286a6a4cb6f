import Contract
import Wire

/// A request that goes no further: the problem that its client is told, and the headers that belong to it.
struct Rejection: Error {
  var problem: Problem
  var headers: [(name: StaticString, value: String)] = []

  init(_ problem: Problem, headers: [(name: StaticString, value: String)] = []) {
    (self.problem, self.headers) = (problem, headers)
  }

  init(_ status: Int, _ code: String, _ detail: String, headers: [(name: StaticString, value: String)] = []) {
    self.init(Problem(status, code, detail), headers: headers)
  }

  init(_ refusal: HTTPRefusal) { self.init(refusal.status, refusal.rawValue, refusal.detail) }

  /// There is too much to do here or behind us; nothing was done.
  static func overloaded(_ detail: String, retryAfter: Duration = .seconds(1)) -> Rejection {
    Rejection(503, "overloaded", detail, headers: [("Retry-After", "\(retryAfter.wholeSeconds)")])
  }
}
