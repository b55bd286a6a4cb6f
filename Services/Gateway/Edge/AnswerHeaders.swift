import Contract
import EventLoop
import Wire

/// The headers that every answer carries.
enum AnswerHeaders {
  /// For a browser that shows an answer as a page: it may load nothing, run nothing and stand in no frame.
  static let strictPolicy = "default-src 'none'; frame-ancestors 'none'"

  /// For what changes with every request, and may hold secrets.
  static let uncached = "no-store"
  /// For what its client may keep, and checks each time it is used.
  static let checked = "private, no-cache"

  /// Adds what an answer to `exchange` carries.
  @Loop static func add(
    to head: inout HTTPResponseHead, for exchange: Exchange, _ crossOrigin: CrossOrigin, policy: String
  ) {
    addAlways(to: &head, id: exchange.id, policy: policy)
    if exchange.isEncrypted { head.add("Strict-Transport-Security", "max-age=31536000; includeSubDomains") }
    if crossOrigin.isActive { head.add("Vary", "Origin") }
    if let origin = exchange.origin {
      head.add("Access-Control-Allow-Origin", origin)
      head.add("Access-Control-Expose-Headers", CrossOrigin.answerHeaders)
    }
    if let allowance = exchange.allowance {
      head.add("RateLimit-Limit", String(allowance.limit))
      head.add("RateLimit-Remaining", String(allowance.remaining))
      head.add("RateLimit-Reset", String(allowance.reset.wholeSeconds))
    }
  }

  /// Adds what also an answer carries that was made before anything was understood.
  static func addAlways(to head: inout HTTPResponseHead, id: UniqueID, policy: String = strictPolicy) {
    head.add("X-Request-Id", id.description)
    head.add("X-Content-Type-Options", "nosniff")
    head.add("Referrer-Policy", "no-referrer")
    head.add("Content-Security-Policy", policy)
  }
}
