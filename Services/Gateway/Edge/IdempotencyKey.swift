import Contract
import Wire

/// The client's name for one change, under which it may be repeated safely: the header `Idempotency-Key`.
enum IdempotencyKey {
  static let maximumLength = 255

  /// The key in `head`, if there is one: 1 to 255 visible ASCII characters. Of a method that changes nothing it says
  /// nothing.
  static func read(_ head: HTTPRequestHead) throws(Rejection) -> String? {
    guard head.method != .get, head.method != .head, let key = head["idempotency-key"] else { return nil }
    guard (1...maximumLength).contains(key.utf8.count), key.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
      throw Rejection(
        400, "invalid_idempotency_key",
        "Idempotency-Key must be 1 to \(maximumLength) visible ASCII characters, such as a UUID.")
    }
    return key
  }
}
