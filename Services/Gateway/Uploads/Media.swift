import Contract
import Crypto
import EventLoop
import HTTP
import Mesh
import Storage
import Wire

/// Serves stored objects: `/media/<key>`, of private ones with the query that their service has signed (`MediaLink`).
///
/// From a folder they are sent by the kernel, with entity tags and ranges; for those on an S3 server clients are sent there.
@Loop final class Media {
  /// The first segment of the paths that are answered here.
  nonisolated static let reserved = "media"
  /// What members have uploaded may do nothing, whatever a browser takes it for.
  nonisolated static let policy = "default-src 'none'; sandbox; frame-ancestors 'none'"

  private let storage: any ObjectStorage
  private let keys: @Sendable (_ service: String) -> KeyRing
  /// Of public objects, and of private ones.
  private var files: [Bool: StaticFiles] = [:]

  private static let forOne = "private, max-age=3600"
  /// Less than a signed URL is good for.
  private static let redirect = "private, max-age=600"

  init(_ storage: any ObjectStorage, keys: @escaping @Sendable (_ service: String) -> KeyRing) {
    (self.storage, self.keys) = (storage, keys)
  }

  /// The answer, if the path is that of an object.
  func answer(_ head: HTTPRequestHead, _ target: RequestTarget) throws(Rejection) -> HTTPResponse? {
    guard target.segments.first == Self.reserved else { return nil }
    guard head.method == .get || head.method == .head else {
      throw Rejection(
        405, "method_not_allowed", "This can only be read, with GET or HEAD.",
        headers: [("Allow", "GET, HEAD, OPTIONS")])
    }
    let segments = Array(target.segments.dropFirst())
    guard !target.endsInSlash, let key = ObjectKey(segments.joined(separator: "/")), let service = key.service else {
      throw Self.nothing
    }
    let isPublic = key.audience == .public
    if !isPublic { try checkLink(to: key, of: service, target) }
    switch storage.place(of: key, now: .now) {
    case .url(let url):
      var response = HTTPResponse(status: 302)
      response.head.add("Location", url)
      response.head.add("Cache-Control", Self.redirect)
      return response
    case .folder(let root):
      let caching = isPublic ? MediaLink.publicCaching : Self.forOne
      let files = self.files[isPublic] ?? StaticFiles(root: root, cacheControl: caching)
      self.files[isPublic] = files
      var response = files.answer(head, segments: segments)
      guard response.head.status != 404 else { throw Self.nothing }
      if !Self.isShown(segments.last ?? "") { response.head.add("Content-Disposition", "attachment") }
      return response
    }
  }

  /// Nobody learns of a private object without a link whether it is there.
  private func checkLink(to key: ObjectKey, of service: String, _ target: RequestTarget) throws(Rejection) {
    guard let until = target.first("until").flatMap({ Int64($0) }), let signature = target.first("signature"),
      MediaLink.isValid(signature, for: key, until: until, now: .now, keys: keys(service))
    else { throw Rejection(403, "link_invalid", "This link has ended or was never good; ask for a new one.") }
  }

  private static let nothing = Rejection(404, "not_found", "There is no such file.")

  /// Whether browsers show it in place; everything else they save.
  private static func isShown(_ name: String) -> Bool {
    ["png", "jpg", "jpeg", "gif", "webp", "avif"].contains(name.split(separator: ".").last?.lowercased() ?? "")
  }
}
