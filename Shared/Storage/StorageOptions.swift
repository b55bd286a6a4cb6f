public import Contract
import EventLoop
public import Telemetry

/// Where a program keeps objects.
public struct StorageOptions: OptionGroup {
  /// The place.
  @Option(
    "storage-url", env: "STORAGE_URL",
    help: "Where files are kept: file:///FOLDER, or s3://KEY:SECRET@HOST/BUCKET?region=R, s3+http://… without TLS.")
  public var url: Secret<StorageURL> = Secret(StorageURL(option: "file:///var/lib/skillmesh/media")!)

  /// Everything at its default.
  public init() {}

  /// The storage that was chosen. `clock` tells the time.
  @Loop public func open(clock: @escaping @Sendable () -> Timestamp) -> any ObjectStorage {
    url.exposed.open(clock: clock)
  }
}

/// A place for objects, as an operator writes it.
public struct StorageURL: OptionValue {
  enum Place: Sendable {
    case folder(String)
    case s3(S3Storage.Server)
  }

  let place: Place

  /// What to write.
  public static var expected: String { "file:///FOLDER or s3://KEY:SECRET@HOST/BUCKET?region=REGION" }
  /// Whether values must not be seen.
  public static var isSecret: Bool { true }

  /// Reads a place. Key and secret may be percent-encoded; the region is `us-east-1` unless it is said. An S3 server is
  /// spoken to over TLS, unless it is on this machine or the URL begins with `s3+http`.
  public init?(option text: String) {
    if text.hasPrefix("file:///") {
      let path = String(text.dropFirst("file://".count))
      guard path.utf8.count > 1 else { return nil }
      place = .folder(path)
      return
    }
    guard text.hasPrefix("s3://") || text.hasPrefix("s3+http://"), let start = text.firstRange(of: "://")?.upperBound,
      let at = text.lastIndex(of: "@"), at > start
    else { return nil }
    let login = text[start..<at].split(separator: ":", omittingEmptySubsequences: false)
    let halves = text[text.index(after: at)...].split(separator: "?", omittingEmptySubsequences: false)
    let path = halves[0].split(separator: "/", omittingEmptySubsequences: false)
    guard login.count == 2, let key = Self.decode(login[0]), let secret = Self.decode(login[1]), halves.count <= 2,
      path.count == 2, !path[0].isEmpty, Self.isBucket(path[1])
    else { return nil }
    let isPlain = text.hasPrefix("s3+") || ["127.0.0.1", "localhost"].contains(path[0].prefix { $0 != ":" })
    let scheme = isPlain ? "http" : "https"
    var region = "us-east-1"
    if halves.count == 2 {
      guard halves[1].hasPrefix("region="), halves[1].count > 7 else { return nil }
      region = String(halves[1].dropFirst(7))
    }
    place = .s3(
      S3Storage.Server(
        scheme: scheme, host: Self.host(path[0], scheme), bucket: String(path[1]),
        signature: S3Signature(accessKey: key, secret: secret, region: region)))
  }

  /// The storage at this place. `clock` tells the time.
  @Loop public func open(clock: @escaping @Sendable () -> Timestamp) -> any ObjectStorage {
    switch place {
    case .folder(let path): LocalStorage(root: path)
    case .s3(let server): S3Storage(server, clock: clock)
    }
  }

  /// Not shown: it holds a secret.
  public var optionText: String { "storage" }

  /// The host as a client names it: without the scheme's own port.
  private static func host(_ text: Substring, _ scheme: String) -> String {
    let own = scheme == "https" ? ":443" : ":80"
    return String(text.hasSuffix(own) ? text.dropLast(own.count) : text)
  }

  private static func isBucket(_ name: Substring) -> Bool {
    (3...63).contains(name.utf8.count)
      && name.utf8.allSatisfy { byte in
        (48...57).contains(byte) || (97...122).contains(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
      }
  }

  private static func decode(_ text: Substring) -> String? {
    var bytes: [UInt8] = []
    var rest = text.utf8
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard rest.count >= 2, let value = UInt8(String(decoding: Array(rest.prefix(2)), as: UTF8.self), radix: 16) else {
        return nil
      }
      bytes.append(value)
      rest = rest.dropFirst(2)
    }
    return bytes.isEmpty ? nil : String(validating: bytes, as: UTF8.self)
  }
}
