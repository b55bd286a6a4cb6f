import EventLoop
import Foundation

/// This clone's own Redis: in memory only, since all that is kept there can be lost.
@Loop struct RedisServer {
  nonisolated static let name = "redis"

  private let address: String
  private let password: String
  private let configuration: String

  /// Writes its configuration. Throws `Failure`.
  init(_ folder: MeshFolder, port: UInt16, secrets: Secrets) throws(Failure) {
    address = "127.0.0.1:\(port)"
    password = try secrets.secret(Self.name)
    let home = "\(folder.path)/redis"
    guard mkdir(home, 0o700) == 0 || errno == EEXIST else {
      throw Failure("cannot make \(home): \(String(cString: strerror(errno)))")
    }
    configuration = "\(home)/redis.conf"
    // In a file, since every user of the machine can read a command line.
    let text = """
      bind 127.0.0.1
      port \(port)
      requirepass \(password)
      save ""
      appendonly no
      maxmemory 1gb
      maxmemory-policy noeviction
      dir \(home)

      """
    try replaceFile(configuration, with: Data(text.utf8))
  }

  /// How clients reach it.
  nonisolated static func url(port: UInt16, password: String) -> String {
    "redis://default:\(password)@127.0.0.1:\(port)/0"
  }

  /// How it is started.
  var launch: Launch {
    Launch(executable: "redis-server", arguments: [configuration], environment: inherited) { [address, password] in
      await Probe.isReady(redis: address, password: password)
    }
  }
}
