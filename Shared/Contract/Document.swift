/// A reply that is not JSON: a calendar, a table, a receipt. Its bytes are the answer, in the media type that the
/// endpoint's route `answers`.
///
///     struct Calendar: Endpoint {
///       typealias Reply = Document
///       static let route: Route? = .get("/api/v1/me/calendar.ics", .anyone, answers: "text/calendar; charset=utf-8")
///     }
///
/// It travels through Kafka like any answer, so it is for documents that a service writes, of at most 1 MiB. What members
/// upload is served from `/media`.
public struct Document: Codable, Sendable, Equatable, ReplyHeaders {
  /// The content.
  public let bytes: [UInt8]
  /// The name under which a browser saves it; nil for what is shown in place.
  public let fileName: String?
  /// How long others may keep it (`Cache-Control`); nil for not at all, or with an entity tag for as long as it is current.
  public let cacheControl: String?
  /// The version, in quotes.
  public let entityTag: String?

  /// Takes the content.
  public init(_ bytes: [UInt8], fileName: String? = nil, cacheControl: String? = nil, entityTag: String? = nil) {
    (self.bytes, self.fileName) = (bytes, fileName)
    (self.cacheControl, self.entityTag) = (cacheControl, entityTag)
  }

  /// What the gateway adds to its own.
  public var headers: [ReplyHeader] {
    var headers: [ReplyHeader] = []
    if let fileName { headers.append(ReplyHeader(.contentDisposition, Self.disposition(fileName))) }
    if let cacheControl { headers.append(ReplyHeader(.cacheControl, cacheControl)) }
    if let entityTag { headers.append(ReplyHeader(.entityTag, entityTag)) }
    return headers
  }

  /// `attachment` with the name in ASCII for old software, and whole for others (RFC 6266, RFC 8187).
  private static func disposition(_ name: String) -> String {
    var (plain, encoded) = ("", "")
    for byte in name.utf8 {
      let isPlain = (0x20..<0x7f).contains(byte) && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
      plain.unicodeScalars.append(isPlain ? Unicode.Scalar(byte) : "_")
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
        encoded.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        let digits = String(byte, radix: 16, uppercase: true)
        encoded += (byte < 16 ? "%0" : "%") + digits
      }
    }
    return "attachment; filename=\"\(plain)\"; filename*=UTF-8''\(encoded)"
  }
}

/// A reply that sends the client elsewhere: 302, or the endpoint's own `success`.
public struct Redirect: Codable, Sendable, Equatable, ReplyHeaders {
  /// Where to: a URL, or a path on this surface.
  public let location: String

  /// Sends the client to `location`. Whatever of it the client has sent must be checked before.
  public init(to location: String) { self.location = location }

  /// `Location`.
  public var headers: [ReplyHeader] { [ReplyHeader(.location, location)] }
}
