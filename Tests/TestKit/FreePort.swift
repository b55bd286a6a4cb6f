import Foundation
import Glibc

/// Ports of the loopback interface for the servers that tests start; none is given out twice.
///
/// They lie below those that the system gives to outgoing connections: a port stays free while its server is down, and no
/// client that keeps asking for it is connected to itself. Each process takes them from blocks of its own, so that two that
/// test at the same time never choose the same one. A block is held by a name in the system's abstract socket namespace
/// (`unix(7)`), which is free again when the process has ended.
public enum FreePort {
  private static let range = 10_000..<18_000
  private static let blockSize = 100
  private static let lock = NSLock()
  nonisolated(unsafe) private static var left: [UInt16] = []  // under `lock`

  /// The next port. Throws when there is none.
  public static func next() throws -> UInt16 {
    try lock.withLock {
      while true {
        if left.isEmpty { left = try reserveBlock().reversed() }
        if let port = left.popLast(), isFree(port) { return port }
      }
    }
  }

  /// The next port, as `HOST:PORT`.
  public static func nextAddress() throws -> String { "127.0.0.1:\(try next())" }

  private static func reserveBlock() throws -> [UInt16] {
    for first in stride(from: range.lowerBound, to: range.upperBound, by: blockSize).shuffled() {
      let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      let name = [0] + Array("skillmesh-test-ports-\(first)".utf8)
      withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
      let size = socklen_t(MemoryLayout<sa_family_t>.size + name.count)
      let status = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, size) }
      }
      // Kept open as long as the process lives.
      if status == 0 { return (first..<first + blockSize).map { UInt16($0) } }
      close(descriptor)
    }
    throw ServerProcess.Failure(description: "all ports from \(range.lowerBound) on are reserved by other tests")
  }

  private static func isFree(_ port: UInt16) -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    defer { close(descriptor) }
    var on: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
  }
}
