import Contract
import ProfilesAPI

/// A picture of a member as it is kept: three objects, named by the digest of the largest, so that the same picture is kept
/// once and another one never takes its place in a cache.
struct Picture: Hashable, Sendable {
  /// How wide and high, in pixels.
  enum Size: Int, CaseIterable {
    case small = 64
    case usual = 256
    case large = 512
  }

  /// The digest, in hexadecimal digits.
  let digest: String

  /// Takes the digest of the largest.
  init(digest: String) { self.digest = digest }

  /// Where one size of it is kept.
  func key(_ size: Size) -> ObjectKey { ObjectKey(.public, of: "profiles", "\(digest)-\(size.rawValue).webp") }

  /// Where the gateway serves one size of it.
  func path(_ size: Size) -> String { "/media/\(key(size))" }
}

/// The formats in which pictures are taken.
enum PictureFormat: String, Equatable {
  case jpeg, png, gif, webp

  /// Tells the format by the first bytes (ITU-T T.81 B.1; ISO/IEC 15948 5.2; GIF89a 17; RFC 9649 2.4); nil for any other.
  init?(of bytes: [UInt8]) {
    func begins(_ start: [UInt8], at offset: Int = 0) -> Bool { bytes.dropFirst(offset).starts(with: start) }
    if begins([0xFF, 0xD8, 0xFF]) {
      self = .jpeg
    } else if begins([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
      self = .png
    } else if begins(Array("GIF87a".utf8)) || begins(Array("GIF89a".utf8)) {
      self = .gif
    } else if begins(Array("RIFF".utf8)), begins(Array("WEBP".utf8), at: 8) {
      self = .webp
    } else {
      return nil
    }
  }
}
