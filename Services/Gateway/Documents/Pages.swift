import Crypto
import EventLoop
import HTTP
import Wire

/// What the gateway serves itself: the documents about the mesh, and a page to read them.
@Loop final class Pages {
  /// First segments of the paths that are answered here.
  static let reserved: Set<String> = ["openapi.json", "asyncapi.json", "docs"]

  /// The content security policy of everything here: the page's own script and style, nothing of others.
  nonisolated static let policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; "
    + "form-action 'none'; frame-ancestors 'none'"

  private struct Page {
    let type: String
    let bytes: [UInt8]
    let tag: String

    init(_ type: String, _ bytes: [UInt8]) {
      (self.type, self.bytes) = (type, bytes)
      tag = "\"\(Base64URL.encode(SHA256.hash(bytes).prefix(12)))\""
    }
  }

  /// Documents made of the routes of this revision.
  private var revision = -1
  private var documents: [String: Page] = [:]
  private let fixed = [
    "docs": Page("text/html; charset=utf-8", Array(DocsPage.html.utf8)),
    "docs/docs.js": Page("text/javascript; charset=utf-8", Array(DocsPage.script.utf8)),
    "docs/docs.css": Page("text/css; charset=utf-8", Array(DocsPage.style.utf8)),
  ]

  init() {}

  /// The answer, if the path is one of ours.
  func answer(
    _ head: HTTPRequestHead, _ target: RequestTarget, _ routes: RouteTable
  ) throws(Rejection) -> HTTPResponse? {
    if target.segments.isEmpty, head.method == .get || head.method == .head {
      var response = HTTPResponse(status: 302)
      response.head.add("Location", "/docs")
      return response
    }
    guard let first = target.segments.first, Self.reserved.contains(first),
      let page = page(target.segments.joined(separator: "/"), routes), !target.endsInSlash
    else { return nil }
    guard head.method == .get || head.method == .head else {
      throw Rejection(
        405, "method_not_allowed", "This can only be read, with GET or HEAD.",
        headers: [("Allow", "GET, HEAD, OPTIONS")])
    }
    let isCurrent = head.lists(tag: page.tag)
    var response = HTTPResponse(status: isCurrent ? 304 : 200, body: .bytes(isCurrent ? [] : page.bytes))
    if !isCurrent { response.head.add("Content-Type", page.type) }
    response.head.add("ETag", page.tag)
    response.head.add("Cache-Control", "no-cache")
    return response
  }

  private func page(_ path: String, _ routes: RouteTable) -> Page? {
    if let page = fixed[path] { return page }
    if revision != routes.revision {
      revision = routes.revision
      documents = [
        "openapi.json": Page("application/json", OpenAPI.document(routes.endpoints).bytes),
        "asyncapi.json": Page("application/json", AsyncAPI.document(Array(routes.services.values)).bytes),
      ]
    }
    return documents[path]
  }
}
