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

  /// The ports to use for this run, and what keeps other clones from them: those remembered, or others where somebody
  /// else has taken one since. The gateway's is never changed silently. Writes down what was chosen. Throws `Failure`.
  static func choose(
    _ folder: MeshFolder, gateway wanted: UInt16?
  ) throws(Failure) -> (ports: Ports, reservations: [PortReservation]) {
    var ports = load(folder) ?? Ports()
    if let wanted { ports.gateway = wanted }
    guard let gateway = PortReservation(ports.gateway) else {
      let other = PortReservation.firstFree(from: ports.gateway &+ 1, attempts)?.port ?? defaultGateway
      throw Failure(
        "port \(ports.gateway) of 127.0.0.1, which the gateway needs, is in use by another program",
        advice: "End that program, or choose another port: ./mesh up --port \(other).")
    }
    var reservations = [gateway]
    for port in [\Ports.kafka, \.redis, \.postgres] as [WritableKeyPath<Ports, UInt16>] {
      guard let reservation = PortReservation.firstFree(from: ports[keyPath: port], attempts) else {
        throw Failure(
          "none of the ports \(ports[keyPath: port]) and the \(attempts) after it is free",
          advice: "End some of the programs that listen on them (ss -ltn shows which).")
      }
      ports[keyPath: port] = reservation.port
      reservations.append(reservation)
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    try replaceFile(folder.state, with: (try? encoder.encode(ports)) ?? Data())
    return (ports, reservations)
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

/// The right of one clone to a port of this machine, from before its server listens until it has ended: two clones that
/// start at the same time choose different ports. It is a name in the system's abstract socket namespace (`unix(7)`),
/// which the system frees when the process ends.
final class PortReservation: Sendable {
  let port: UInt16
  private let descriptor: Int32

  /// Reserves a port; nil when a server listens on it or another clone has reserved it.
  init?(_ port: UInt16) {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return nil }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let name = [0] + Array("skillmesh-port-\(port)".utf8)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
    let length = socklen_t(MemoryLayout<sa_family_t>.size + name.count)
    let status = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
    }
    guard status == 0, Ports.isFree(port) else {
      close(descriptor)
      return nil
    }
    (self.port, self.descriptor) = (port, descriptor)
  }

  deinit { close(descriptor) }

  /// Reserves the first free of `count` ports from `start` on.
  static func firstFree(from start: UInt16, _ count: UInt16) -> PortReservation? {
    (0..<count).lazy.map { start &+ $0 }.filter { $0 > 1023 }.compactMap { PortReservation($0) }.first
  }
}
