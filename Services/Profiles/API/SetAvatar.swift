import Contract

/// Shows another picture of oneself: a JPEG, PNG, WebP or GIF of at most 10 MiB and 50 megapixels. It is cut to a square,
/// kept in three sizes, and nothing is kept of what a camera writes beside the picture.
public struct SetAvatar: Endpoint {
  public static let name = "profiles.set-avatar"
  public static let route: Route? = .upload(
    .put, "/api/v1/me/avatar", .member, of: ["image/jpeg", "image/png", "image/webp", "image/gif"], upTo: 10 << 20)

  public typealias Reply = Avatar

  /// Why the picture stays as it is.
  public enum Refusal: String, Contract.Refusal, CaseIterable {
    /// It begins like none of the formats that are taken, whatever it is called.
    case unknownFormat = "unknown_image_format"
    /// It begins like a picture and cannot be read as one.
    case brokenImage = "broken_image"
    /// It has more pixels than are looked at, however few bytes they are packed into.
    case tooManyPixels = "too_many_pixels"

    public var status: Int { self == .unknownFormat ? 415 : 422 }

    public var detail: String {
      switch self {
      case .unknownFormat: "The file is no JPEG, PNG, WebP or GIF."
      case .brokenImage: "The picture cannot be read: the file is damaged or cut off."
      case .tooManyPixels: "The picture has more than 50 million pixels. Make it smaller."
      }
    }
  }

  /// Where the gateway has put the file.
  public let object: ObjectKey
  /// Bytes.
  public let size: Int

  /// Asks to show what lies there.
  public init(object: ObjectKey, size: Int) { (self.object, self.size) = (object, size) }
}

/// Where one's picture is, in three sizes. Copies of it may be kept for good: another picture has other addresses.
public struct Avatar: Codable, Sendable, Equatable {
  /// 256 pixels wide and high: what is shown wherever a profile says `avatarUrl`.
  public let avatarUrl: String
  /// 64 pixels wide and high.
  public let smallUrl: String
  /// 512 pixels wide and high.
  public let largeUrl: String

  /// Says where a picture is.
  public init(avatarUrl: String, smallUrl: String, largeUrl: String) {
    (self.avatarUrl, self.smallUrl, self.largeUrl) = (avatarUrl, smallUrl, largeUrl)
  }
}
