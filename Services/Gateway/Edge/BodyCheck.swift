import Contract
import Wire

/// What a request may carry to a service: JSON in UTF-8, or nothing.
enum BodyCheck {
  /// Bytes of a JSON body.
  static let limit = 1 << 20

  /// Checks, before any of it is read, that the body is of a kind that is understood here.
  static func checkHead(_ head: HTTPRequestHead) throws(Rejection) {
    guard head.framing.body != .none else { return }
    guard head.method != .get, head.method != .head, head.method != .delete else {
      throw Rejection(
        400, "unexpected_body", "A \(head.method.rawValue) request carries its values in the query, not in a body.")
    }
    if let coding = head["content-encoding"], coding.lowercased() != "identity" {
      throw Rejection(415, "unsupported_encoding", "Send the body as it is, without Content-Encoding.")
    }
    guard let type = head["content-type"], isJSON(type) else {
      throw Rejection(
        415, "unsupported_media_type", "The body must be JSON in UTF-8: Content-Type: application/json.",
        headers: [("Accept-Post", "application/json")])
    }
  }

  /// Checks that `bytes` are well-formed JSON in UTF-8. No body at all is as good as an empty object.
  static func check(_ bytes: [UInt8]) throws(Rejection) {
    guard !bytes.isEmpty else { return }
    do throws(JSONError) {
      try JSONText.check(bytes)
    } catch {
      throw Rejection(
        400, error.reason == .invalidUTF8 ? "invalid_utf8" : "malformed_json", "The body is \(error).")
    }
  }

  /// Whether a media type is JSON (RFC 8259) or a structure in JSON (RFC 6839), in UTF-8.
  static func isJSON(_ mediaType: String) -> Bool {
    let parts = mediaType.lowercased().split(separator: ";", omittingEmptySubsequences: false).map { part in
      part.drop { $0 == " " || $0 == "\t" }.prefix { $0 != " " && $0 != "\t" }
    }
    let type = parts[0]
    guard type == "application/json" || type.hasPrefix("application/") && type.hasSuffix("+json") else { return false }
    return parts.dropFirst().allSatisfy { parameter in
      !parameter.hasPrefix("charset=") || ["charset=utf-8", "charset=\"utf-8\""].contains(parameter)
    }
  }
}
