import Foundation
import Glibc

/// The built broker, running for a test on free loopback ports with a private data folder.
///
/// It is killed when the test is done with it, and by the kernel when the test process dies first.
public final class BrokerServer: @unchecked Sendable {
  // Sendable by hand: `process` is used under `lock`, everything else never changes.

  /// `HOST:PORT` for Kafka clients.
  public let address: String
  /// `HOST:PORT` of `/healthz`, `/readyz` and `/metrics`.
  public let opsAddress: String
  /// The data folder; it goes with the server unless it was given by the caller.
  public let folder: URL
  private let ownsFolder: Bool
  private let extraArguments: [String]
  private let executable: URL
  private let lock = NSLock()
  private var process: Process
  /// Entered while the process runs.
  private let running = DispatchGroup()

  /// What went wrong while starting.
  public struct Failure: Error, CustomStringConvertible {
    /// Says what happened and what to do.
    public let description: String
  }

  /// Starts the broker that was built beside the tests (or `executable`) and waits until it accepts connections.
  public init(
    executable: URL? = nil, folder: URL? = nil, arguments: [String] = ["--auto-create"]
  ) throws {
    self.executable = executable ?? BuiltProgram.url("broker")
    guard FileManager.default.isExecutableFile(atPath: self.executable.path) else {
      throw Failure(description: "\(self.executable.path) is missing: build the product 'broker' first")
    }
    ownsFolder = folder == nil
    self.folder = folder ?? FileManager.default.temporaryDirectory.appendingPathComponent("broker-\(UUID().uuidString)")
    address = try FreePort.nextAddress()
    opsAddress = try FreePort.nextAddress()
    extraArguments = arguments
    process = Process()
    try start()
  }

  deinit { stop() }

  /// The broker's process id.
  public var processID: Int32 { lock.withLock { process.processIdentifier } }

  /// Starts the broker again, on the same address and folder, after `kill()` or `terminate()`.
  public func start() throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let process = Process()
    // `setpriv` ties the broker's life to this process and then becomes the broker: the process id stays.
    process.executableURL = URL(fileURLWithPath: "/usr/bin/setpriv")
    process.arguments =
      ["--pdeathsig", "KILL", executable.path, "--data", folder.path, "--listen", address, "--ops", opsAddress]
      + extraArguments
    process.standardInput = FileHandle.nullDevice
    try run(process)
    lock.withLock { self.process = process }
    for _ in 0..<1500 {
      guard process.isRunning else { throw Failure(description: "the broker ended at once; see its output") }
      if Self.accepts(address) { return }
      usleep(20_000)
    }
    throw Failure(description: "the broker does not accept connections at \(address) within 30 s")
  }

  /// Kills the broker as a crash would, and waits for its end.
  public func kill() { end(with: SIGKILL) }

  /// Asks the broker to end, and waits for its end.
  public func terminate() { end(with: SIGTERM) }

  /// Kills the broker and removes its data.
  public func stop() {
    kill()
    if ownsFolder { try? FileManager.default.removeItem(at: folder) }
  }

  /// Runs `process` from a thread that lives as long as it: the kernel's death signal is about the thread that
  /// started a process, and a pool's threads come and go. Whoever waits for its end waits for that thread, since Foundation
  /// wakes only one of several that wait for a process.
  private func run(_ process: Process) throws {
    let started = DispatchSemaphore(value: 0)
    nonisolated(unsafe) var failure: (any Error)?  // written before the semaphore is signalled, read after
    running.enter()
    Thread.detachNewThread { [running] in
      do { try process.run() } catch { failure = error }
      let hasStarted = failure == nil
      started.signal()
      if hasStarted { process.waitUntilExit() }
      running.leave()
    }
    started.wait()
    if let failure { throw failure }
  }

  private func end(with signal: Int32) {
    lock.withLock {
      guard process.isRunning else { return }
      Glibc.kill(process.processIdentifier, signal)
      running.wait()
    }
  }

  private static func accepts(_ address: String) -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var target = loopback(port: UInt16(address.split(separator: ":")[1])!)
    return withUnsafePointer(to: &target) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
  }

  private static func loopback(port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return address
  }
}
