import EventLoop
import Foundation

/// The ports that this clone uses, all on 127.0.0.1.
///
/// They are remembered in `.mesh/state`, so that a restart finds everything where it was. All but the gateway's lie below
/// the range from which the system gives ports to outgoing connections: were they in it, a client that keeps asking for a
/// server that is down could be connected to itself, and hold the port.
struct Ports: Codable, Equatable, Sendable {
  /// Where the gateway is, unless told otherwise.
  static let defaultGateway: UInt16 = 8080

  private(set) var gateway = defaultGateway
  private(set) var kafka: UInt16 = 29092
  private(set) var redis: UInt16 = 26379
  private(set) var postgres: UInt16 = 25432

  /// How many ports are tried after the usual one.
  private static let attempts: UInt16 = 200

  /// The remembered ports; nil before the first `up`, or when the file does not make sense any more.
  static func load(_ folder: MeshFolder) -> Ports? {
    guard let data = FileManager.default.contents(atPath: folder.state) else { return nil }
    return try? JSONDecoder().decode(Ports.self, from: data)
  }

  /// The ports to use for this run: those remembered, or others where somebody else has taken one since. The gateway's
  /// is never changed silently. Writes down what was chosen. Throws `Failure`.
  static func choose(_ folder: MeshFolder, gateway wanted: UInt16?) throws(Failure) -> Ports {
    var ports = load(folder) ?? Ports()
    if let wanted { ports.gateway = wanted }
    guard isFree(ports.gateway) else {
      throw Failure(
        "port \(ports.gateway) of 127.0.0.1, which the gateway needs, is in use by another program",
        advice:
          "End that program, or choose another port: ./mesh up --port \(firstFree(from: ports.gateway + 1) ?? 8081).")
    }
    for port in [\Ports.kafka, \.redis, \.postgres] as [WritableKeyPath<Ports, UInt16>] {
      guard let free = firstFree(from: ports[keyPath: port], besides: ports.gateway) else {
        throw Failure(
          "none of the ports \(ports[keyPath: port]) and the \(attempts) after it is free",
          advice: "End some of the programs that listen on them (ss -ltn shows which).")
      }
      ports[keyPath: port] = free
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    try replaceFile(folder.state, with: (try? encoder.encode(ports)) ?? Data())
    return ports
  }

  /// The first port from `start` on that nobody listens on.
  static func firstFree(from start: UInt16, besides taken: UInt16? = nil) -> UInt16? {
    (0..<attempts).lazy.map { start &+ $0 }.first { $0 > 1023 && $0 != taken && isFree($0) }
  }

  /// Whether a server could listen on that port of 127.0.0.1 now.
  static func isFree(_ port: UInt16) -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var on: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
  }
}
