/// Where Redis is and what may be asked of it.
public struct RedisConfiguration: Sendable {
  /// Name or address.
  public var host: String
  /// Port.
  public var port: UInt16
  /// The user (ACL), if not the default one.
  public var username: String?
  /// The password. Kept out of every message.
  public var password: String?
  /// The number of the database.
  public var database = 0
  /// The name shown in `CLIENT LIST`; no spaces.
  public var clientName: String
  /// How long a command may take, waiting for a connection included. After twice this time without an answer the
  /// connection counts as lost.
  public var timeout = Duration.seconds(2)
  /// How long making a connection may take.
  public var connectTimeout = Duration.seconds(5)
  /// How many commands may be under way, or wait for a connection.
  public var maxInFlight = 16_384
  /// How many bytes of commands may be under way.
  public var maxBytesInFlight = 64 << 20

  /// Takes a URL: `redis://[[user]:password@]host[:port][/database]`, with user and password percent-encoded.
  ///
  /// TLS (`rediss://`) is refused, as hiredis 0.14 has none: let a proxy on this machine speak it (stunnel, HAProxy,
  /// the mesh's sidecar) and name that here. Throws `RedisError` of kind `invalid`, without the URL's text.
  public init(url: String, clientName: String) throws {
    func fault(_ reason: String) -> RedisError { RedisError(.invalid, "the Redis URL \(reason)") }
    guard !url.hasPrefix("rediss://") else {
      throw fault("asks for TLS, which this client does not speak: name a TLS proxy on this machine, as redis://")
    }
    guard url.hasPrefix("redis://") else { throw fault("does not begin with redis://") }
    var rest = url.dropFirst("redis://".count)
    if let at = rest.lastIndex(of: "@") {
      let login = rest[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      guard login.count == 2, let user = Self.decodePercents(login[0]), let secret = Self.decodePercents(login[1])
      else { throw fault("needs user:password, percent-encoded, before the @") }
      username = user.isEmpty ? nil : user
      password = secret
      rest = rest[rest.index(after: at)...]
    }
    let parts = rest.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    if parts.count == 2, !parts[1].isEmpty {
      guard let number = Int(parts[1]), number >= 0 else { throw fault("has a database that is no number") }
      database = number
    }
    var address = parts.first ?? ""
    port = 6379
    if let colon = address.lastIndex(of: ":"), !address.hasSuffix("]") {
      guard let number = UInt16(address[address.index(after: colon)...]) else { throw fault("has no valid port") }
      port = number
      address = address[..<colon]
    }
    if address.hasPrefix("["), address.hasSuffix("]") { address = address.dropFirst().dropLast() }
    guard !address.isEmpty else { throw fault("names no host") }
    host = String(address)
    self.clientName = clientName
  }

  private static func decodePercents(_ text: Substring) -> String? {
    var bytes: [UInt8] = []
    var rest = text.utf8
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard rest.count >= 2, let value = UInt8(String(Substring(rest.prefix(2))), radix: 16) else { return nil }
      bytes.append(value)
      rest = rest.dropFirst(2)
    }
    return String(validating: bytes, as: UTF8.self)
  }
}
