import EventLoop
import Glibc
import Wire

/// The files below one folder, for GET and HEAD: with `ETag` and `Last-Modified`, conditional requests and single
/// ranges (RFC 9110 §13, §14). Their bytes go from the page cache to the socket.
///
/// Hidden files (a leading dot) are not there; a path that ends in a slash is its `index.html`. A file must not be
/// shortened while it is served: replace it by renaming a new one over it.
@Loop public final class StaticFiles {
  private let root: String
  private let cacheControl: String

  /// Serves what lies below `root`; answers say `cacheControl`. By default a copy is checked each time it is used.
  public init(root: String, cacheControl: String = "no-cache") {
    self.root = root
    self.cacheControl = cacheControl
  }

  /// The answer to `head`, whose path below the folder is `target`'s.
  public func answer(_ head: HTTPRequestHead, _ target: RequestTarget) -> HTTPResponse {
    guard head.method == .get || head.method == .head else {
      var response = HTTPResponse.problem(
        status: 405, code: "method_not_allowed", detail: "A file can only be read, with GET or HEAD.")
      response.head.add("Allow", "GET, HEAD")
      return response
    }
    var segments = target.segments
    if segments.isEmpty || target.endsInSlash { segments.append("index.html") }
    return answer(head, segments: segments)
  }

  /// The answer to GET or HEAD for the file at this path below the folder.
  public func answer(_ head: HTTPRequestHead, segments: [String]) -> HTTPResponse {
    // A segment holds no slash and is no dot segment (`RequestTarget`), so the path cannot leave the folder.
    guard !segments.contains(where: { $0.hasPrefix(".") }),
      let file = OpenFile(([root] + segments).joined(separator: "/"))
    else { return .problem(status: 404, code: "not_found", detail: "There is no such file.") }

    if isCurrent(file, for: head) { return describe(file, HTTPResponse(status: 304)) }
    if head.method == .get, let asked = head["range"], mayBePartial(file, for: head) {
      switch Self.range(asked, of: file.size) {
      case .whole: break
      case .part(let range):
        var response = HTTPResponse(status: 206, body: .file(file.region(range)))
        response.head.add("Content-Range", "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(file.size)")
        return describe(file, response, type: segments.last)
      case .none:
        var response = HTTPResponse.problem(
          status: 416, code: "range_not_satisfiable", detail: "The file has \(file.size) bytes.")
        response.head.add("Content-Range", "bytes */\(file.size)")
        return response
      }
    }
    return describe(file, HTTPResponse(status: 200, body: .file(file.region(0..<file.size))), type: segments.last)
  }

  private func describe(_ file: OpenFile, _ response: HTTPResponse, type name: String? = nil) -> HTTPResponse {
    var response = response
    if let name { response.head.add("Content-Type", Self.mediaType(of: name)) }
    response.head.add("ETag", file.tag)
    response.head.add("Last-Modified", file.modified)
    response.head.add("Accept-Ranges", "bytes")
    response.head.add("Cache-Control", cacheControl)
    return response
  }

  /// Whether the client's copy is still right. A tag outweighs a date (RFC 9110 §13.2.2).
  private func isCurrent(_ file: OpenFile, for head: HTTPRequestHead) -> Bool {
    if let tags = head["if-none-match"] {
      return tags == "*"
        || tags.split(separator: ",").contains { tag in
          let tag = tag.drop { $0 == " " }
          return (tag.hasPrefix("W/") ? tag.dropFirst(2) : tag).prefix { $0 != " " } == file.tag
        }
    }
    guard let since = head.withValue("if-modified-since", HTTPDate.decode) ?? nil else { return false }
    return file.modifiedSecond <= since
  }

  /// Whether a range may be cut from this very version (`If-Range`).
  private func mayBePartial(_ file: OpenFile, for head: HTTPRequestHead) -> Bool {
    guard let version = head["if-range"] else { return true }
    return version == file.tag || version == file.modified
  }

  enum Range: Equatable {
    case whole
    case part(Swift.Range<Int>)
    case none
  }

  /// What `Range` header `text` asks of `size` bytes. More than one range, or anything malformed, is ignored.
  nonisolated static func range(_ text: String, of size: Int) -> Range {
    guard text.hasPrefix("bytes="), !text.contains(",") else { return .whole }
    let ends = text.dropFirst(6).split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
    guard ends.count == 2, ends.allSatisfy({ $0.utf8.allSatisfy { 0x30...0x39 ~= $0 } }) else { return .whole }
    switch (ends[0].isEmpty, ends[1].isEmpty) {
    case (true, true): return .whole
    case (true, false):
      let count = Int(ends[1]) ?? .max
      return count == 0 || size == 0 ? .none : .part(max(0, size - count)..<size)
    case (false, let isOpen):
      let first = Int(ends[0]) ?? .max
      let last = isOpen ? .max : Int(ends[1]) ?? .max
      guard first <= last else { return .whole }
      return first < size ? .part(first..<min(last, size - 1) + 1) : .none
    }
  }

  private nonisolated static func mediaType(of name: String) -> String {
    switch name.split(separator: ".").last?.lowercased() {
    case "html": "text/html; charset=utf-8"
    case "css": "text/css; charset=utf-8"
    case "js", "mjs": "text/javascript; charset=utf-8"
    case "json", "map": "application/json"
    case "txt", "md": "text/plain; charset=utf-8"
    case "svg": "image/svg+xml"
    case "png": "image/png"
    case "jpg", "jpeg": "image/jpeg"
    case "gif": "image/gif"
    case "webp": "image/webp"
    case "avif": "image/avif"
    case "ico": "image/vnd.microsoft.icon"
    case "woff2": "font/woff2"
    case "wasm": "application/wasm"
    case "pdf": "application/pdf"
    default: "application/octet-stream"
    }
  }
}

/// A regular file, open for as long as anybody sends it.
private final class OpenFile {
  let size: Int
  let modifiedSecond: Int
  /// Changes with every change of the file: its time in nanoseconds, and its size.
  let tag: String
  private let descriptor: CInt

  var modified: String { String(decoding: HTTPDate.encode(modifiedSecond), as: UTF8.self) }

  init?(_ path: String) {
    descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    var status = stat()
    let isFile = descriptor >= 0 && fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    size = Int(status.st_size)
    modifiedSecond = max(0, status.st_mtim.tv_sec)
    tag = "\"\(String(status.st_mtim.tv_sec * 1_000_000_000 + status.st_mtim.tv_nsec, radix: 36))-\(size)\""
    // From here on `deinit` closes it.
    if !isFile { return nil }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  func region(_ range: Range<Int>) -> FileRegion {
    FileRegion(owner: self, descriptor: descriptor, offset: range.lowerBound, count: range.count)
  }
}
