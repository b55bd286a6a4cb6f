import CEpoll
import Glibc

/// Where a socket listens or connects: a TCP address, IPv4 or IPv6, with its port, or a socket file.
public struct SocketAddress: Sendable, Hashable, CustomStringConvertible {
  private var bytes: [UInt8]

  init(bytes: UnsafeRawBufferPointer) { self.bytes = [UInt8](bytes) }

  /// Resolves `host` (a name or a literal address) and `port`. Blocks while it asks the resolver, so use it at start.
  ///
  /// Throws `SocketError` when the name does not resolve.
  public init(host: String, port: UInt16) throws(SocketError) {
    var hints = addrinfo()
    hints.ai_family = AF_UNSPEC
    hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_NUMERICSERV
    var found: UnsafeMutablePointer<addrinfo>?
    let status = getaddrinfo(host, String(port), &hints, &found)
    guard status == 0, let first = found else {
      throw SocketError("resolve", "\(host):\(port)", reason: String(cString: gai_strerror(status)))
    }
    defer { freeaddrinfo(found) }
    self.init(bytes: UnsafeRawBufferPointer(start: first.pointee.ai_addr, count: Int(first.pointee.ai_addrlen)))
  }

  /// The socket file at `path`, which may be relative. Throws `SocketError` when the path is longer than 107 bytes.
  public init(path: String) throws(SocketError) {
    var address = sockaddr_un()
    let limit = MemoryLayout.size(ofValue: address.sun_path)
    guard path.utf8.count < limit else {
      throw SocketError("use the socket file", path, reason: "its path is longer than \(limit - 1) bytes")
    }
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    self = withUnsafeBytes(of: &address) { SocketAddress(bytes: $0) }
  }

  /// Any free port of the loopback interface: for tests.
  public static var anyLoopbackPort: SocketAddress {
    guard let address = try? SocketAddress(host: "127.0.0.1", port: 0) else { preconditionFailure("no IPv4 loopback") }
    return address
  }

  var family: CInt { bytes.withUnsafeBytes { CInt($0.load(as: sa_family_t.self)) } }

  /// Whether only processes of this machine can reach the address.
  public var isLoopback: Bool {
    bytes.withUnsafeBytes { raw in
      if family == AF_UNIX { return true }
      if family == AF_INET { return raw.load(fromByteOffset: 4, as: UInt8.self) == 127 }
      let address = raw[8..<24]
      return address.dropLast().allSatisfy { $0 == 0 } && address.last == 1
    }
  }

  /// The port number, 0 for a socket file. Port and family offsets are those of `sockaddr_in` and `sockaddr_in6`, which
  /// share them.
  public var port: UInt16 {
    guard family != AF_UNIX else { return 0 }
    return bytes.withUnsafeBytes { UInt16(bigEndian: $0.load(fromByteOffset: 2, as: UInt16.self)) }
  }

  /// The numeric address without the port, or the path of the socket file.
  public var host: String {
    if family == AF_UNIX { return String(decoding: bytes.dropFirst(2).prefix { $0 != 0 }, as: UTF8.self) }
    var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    let text = bytes.withUnsafeBytes { raw in
      inet_ntop(family, raw.baseAddress! + (family == AF_INET ? 4 : 8), &buffer, socklen_t(INET6_ADDRSTRLEN))
    }
    return text.map { String(cString: $0) } ?? "?"
  }

  /// `host:port`, IPv6 hosts in brackets; the path of a socket file.
  public var description: String {
    switch family {
    case AF_UNIX: host.isEmpty ? "a local process" : host
    case AF_INET6: "[\(host)]:\(port)"
    default: "\(host):\(port)"
    }
  }

  func withPointer<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    bytes.withUnsafeBytes { body($0.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count)) }
  }

  /// The address that `getsockname` or `getpeername` gives for a descriptor.
  init?(of descriptor: CInt, _ query: (CInt, UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> CInt) {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let status = withUnsafeMutablePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { query(descriptor, $0, &length) }
    }
    guard status == 0 else { return nil }
    self = withUnsafeBytes(of: &storage) { SocketAddress(bytes: UnsafeRawBufferPointer(rebasing: $0[..<Int(length)])) }
  }
}

/// A socket call that failed: which call, on what, and why.
public struct SocketError: Error, CustomStringConvertible {
  /// The call in the system's words, as "bind" or "accept".
  public let call: String
  /// The address or descriptor it was about.
  public let subject: String
  /// The system's reason.
  public let reason: String
  /// The value of `errno`, or 0 when the reason came from elsewhere.
  public let code: CInt

  init(_ call: String, _ subject: String, reason: String) {
    (self.call, self.subject, self.reason, code) = (call, subject, reason, 0)
  }

  init(_ call: String, _ subject: String, errno code: CInt) {
    (self.call, self.subject, self.code) = (call, subject, code)
    reason = String(cString: strerror(code))
  }

  /// One line for a log or a terminal.
  public var description: String { "cannot \(call) \(subject): \(reason)" }
}
