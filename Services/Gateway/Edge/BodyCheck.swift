import Contract
import Wire

/// What a request may carry to a service: JSON in UTF-8, or nothing.
enum BodyCheck {
  /// Bytes of a JSON body.
  static let limit = 1 << 20

  /// Checks, before any of it is read, that the body is of a kind that is understood here.
  static func checkHead(_ head: HTTPRequestHead, _ kind: Route.Body) throws(Rejection) {
    guard head.framing.body != .none else { return }
    guard head.method != .get, head.method != .head, head.method != .delete else {
      throw Rejection(
        400, "unexpected_body", "A \(head.method.rawValue) request carries its values in the query, not in a body.")
    }
    if let coding = head["content-encoding"], coding.lowercased() != "identity" {
      throw Rejection(415, "unsupported_encoding", "Send the body as it is, without Content-Encoding.")
    }
    let type = head["content-type"] ?? ""
    let isUnderstood =
      switch kind {
      case .json: isJSON(type)
      case .beacon: isJSON(type) || isPlainText(type)
      case .form: isJSON(type) || isForm(type)
      // Of a file its route says more (`Edge.upload`).
      case .upload: true
      }
    guard isUnderstood else {
      throw Rejection(
        415, "unsupported_media_type", "The body must be JSON in UTF-8: Content-Type: application/json.",
        headers: [("Accept-Post", kind.mediaTypes.joined(separator: ", "))])
    }
  }

  /// The fields of a form as the JSON that they stand for. Of anything but a form, the bytes as they are.
  static func json(of bytes: [UInt8], _ head: HTTPRequestHead) throws(Rejection) -> [UInt8] {
    guard let type = head["content-type"], isForm(type) else { return bytes }
    do throws(HTTPRefusal) {
      let fields = try RequestTarget("/?\(String(decoding: bytes, as: UTF8.self))").query
      return JSONTree.object(fields.map { ($0.name, .string($0.value)) }).bytes
    } catch {
      throw Rejection(400, "malformed_form", "The body is not a form as browsers send it: \(error.detail)")
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

  /// The access token in the body of a beacon, which has no headers of its own; nil when there is none.
  static func accessToken(in bytes: [UInt8]) -> String? {
    guard !bytes.isEmpty else { return nil }
    return try? JSONValue.parse(bytes)["accessToken"]?.string
  }

  /// Whether a media type is JSON (RFC 8259) or a structure in JSON (RFC 6839), in UTF-8.
  static func isJSON(_ mediaType: String) -> Bool {
    isUTF8(mediaType) { $0 == "application/json" || $0.hasPrefix("application/") && $0.hasSuffix("+json") }
  }

  /// Whether a media type is plain text in UTF-8.
  static func isPlainText(_ mediaType: String) -> Bool { isUTF8(mediaType) { $0 == "text/plain" } }

  /// Whether a media type is that of forms (the URL standard, section 5).
  static func isForm(_ mediaType: String) -> Bool { isUTF8(mediaType) { $0 == "application/x-www-form-urlencoded" } }

  private static func isUTF8(_ mediaType: String, _ isType: (Substring) -> Bool) -> Bool {
    let parts = mediaType.lowercased().split(separator: ";", omittingEmptySubsequences: false).map { part in
      part.drop { $0 == " " || $0 == "\t" }.prefix { $0 != " " && $0 != "\t" }
    }
    return isType(parts[0])
      && parts.dropFirst().allSatisfy { parameter in
        !parameter.hasPrefix("charset=") || ["charset=utf-8", "charset=\"utf-8\""].contains(parameter)
      }
  }
}

extension Route.Body {
  /// The media types of what a request may carry.
  var mediaTypes: [String] {
    switch self {
    case .json: ["application/json"]
    case .beacon: ["application/json", "text/plain"]
    case .form: ["application/json", "application/x-www-form-urlencoded"]
    // Its route says which.
    case .upload: []
    }
  }
}
