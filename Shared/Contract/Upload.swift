/// What a client is about to upload, as far as it says before it sends the bytes. The question to which a service answers
/// with an `UploadTicket`.
public struct UploadOffer: Codable, Sendable, Equatable {
  /// The media type; nil where it comes later, with a part of a form.
  public let mediaType: String?
  /// Bytes, at most: a form is a little longer than the file in it. Nil where nobody knows yet.
  public let size: Int?

  /// Describes an upload.
  public init(mediaType: String?, size: Int?) { (self.mediaType, self.size) = (mediaType, size) }
}

/// A service's leave to upload.
public struct UploadTicket: Codable, Sendable, Equatable {
  /// Bytes that the file may have, where that is less than the route allows: what is left of a member's space.
  public let limit: Int?

  /// Gives leave.
  public init(limit: Int? = nil) { self.limit = limit }
}

extension Route {
  /// What a route that takes uploads accepts.
  public struct Upload: Hashable, Sendable, Codable {
    /// The media types, as `image/png`, or `image/*`.
    public let accepts: [String]
    /// Bytes that a file may have.
    public let limit: Int

    /// Whether files of this media type are accepted. Parameters and case do not matter.
    public func accepts(_ mediaType: String) -> Bool {
      let type = mediaType.prefix { $0 != ";" && $0 != " " }.lowercased()
      return accepts.contains { accepted in
        accepted == "*/*" || accepted == type
          || accepted.hasSuffix("/*") && type.hasPrefix(accepted.dropLast()) && type.utf8.count >= accepted.utf8.count
      }
    }
  }

  /// What the name of the endpoint that gives tickets ends in.
  public static let ticketSuffix = ".ticket"
}
