import EventLoop
import Foundation

extension Command {
  /// Looks for what commonly keeps the mesh from starting. The exit status is 0 only when nothing was found.
  @Loop func examine(_ folder: MeshFolder) async -> CInt {
    let runs = (try? await askSupervisor(folder, .status, within: .seconds(5))) != nil
    var findings: [Finding] = [
      await Self.packages(), await Self.toolchain(), Self.postgres(), Self.disk(), Self.descriptors(),
    ]
    if !runs { findings += Self.ports(folder) }
    findings.append(Self.processes(folder, runs))
    for finding in findings {
      switch finding {
      case .well(let text): Console.say("ok       \(text)")
      case .problem(let text, let advice): Console.say("problem  \(text)\n         \(advice)")
      }
    }
    let isWell = findings.allSatisfy { if case .well = $0 { true } else { false } }
    return isWell ? ExitCode.done : ExitCode.failed
  }

  /// What one look gave.
  private enum Finding {
    case well(String)
    case problem(String, advice: String)
  }

  /// The lines that a program writes; nil when it is missing, fails, or takes longer than 20 s.
  @Loop private static func ask(_ program: String, _ arguments: [String]) async -> [String]? {
    var text: [UInt8] = []
    guard let pipe = try? OutputPipe({ text += $0 }) else { return nil }
    defer { pipe.close() }
    let child = try? ChildProcess(program, arguments, environment: inherited, output: pipe.input)
    guard let child, await child.end(asking: 0, grace: .seconds(20)) == .status(0) else { return nil }
    pipe.drain()
    return String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init)
  }

  @Loop private static func packages() async -> Finding {
    guard let list = try? String(contentsOfFile: "deploy/packages.txt", encoding: .utf8) else {
      return .problem("deploy/packages.txt is missing", advice: "Run ./mesh from a complete clone.")
    }
    let wanted = list.split(separator: "\n").filter { !$0.hasPrefix("#") }
      .compactMap { $0.split(separator: " ").first.map(String.init) }
    var missing: [String] = []
    for package in wanted
    where await !(ask("dpkg-query", ["-W", "-f", "${db:Status-Status}", package]) == ["installed"]) {
      missing.append(package)
    }
    return missing.isEmpty
      ? .well("all \(wanted.count) packages are installed")
      : .problem(
        "missing packages: \(missing.joined(separator: " "))",
        advice: "./mesh up installs them; or apt-get install them.")
  }

  @Loop private static func toolchain() async -> Finding {
    guard let version = await ask("swift", ["--version"])?.first(where: { $0.contains("Swift version") }) else {
      return .problem(
        "swift is not to be found", advice: "Install Swift 6.2 or newer from swift.org and put it in PATH.")
    }
    return .well(version)
  }

  private static func postgres() -> Finding {
    let versions = (try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql")) ?? []
    return versions.isEmpty
      ? .problem("PostgreSQL is not installed", advice: "./mesh up installs it; or apt-get install postgresql.")
      : .well("PostgreSQL \(versions.sorted().joined(separator: ", "))")
  }

  private static func disk() -> Finding {
    var facts = statvfs()
    guard statvfs(".", &facts) == 0 else {
      return .problem("cannot ask how full the disk is", advice: "Look at df -h .")
    }
    let free = (Int(facts.f_bavail) * Int(facts.f_frsize)) >> 20
    return free >= 2048
      ? .well("\(free >> 10) GiB free on this disk")
      : .problem("only \(free) MiB free on this disk", advice: "Make room: builds and data need 2 GiB and more.")
  }

  private static func descriptors() -> Finding {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    return limit.rlim_max >= 4096
      ? .well("up to \(limit.rlim_max) open files a process")
      : .problem("only \(limit.rlim_max) open files a process", advice: "Raise the limit: ulimit -n 20000.")
  }

  @Loop private static func ports(_ folder: MeshFolder) -> [Finding] {
    let ports = Ports.load(folder) ?? Ports()
    guard Ports.isFree(ports.gateway) else {
      return [
        .problem("port \(ports.gateway) is in use", advice: "End that program (ss -ltnp), or ./mesh up --port another.")
      ]
    }
    return [.well("port \(ports.gateway) is free for the gateway")]
  }

  @Loop private static func processes(_ folder: MeshFolder, _ runs: Bool) -> Finding {
    if runs { return .well("the supervisor runs and answers; see ./mesh status") }
    let left = ProcessTable(folder).running
    return left.isEmpty
      ? .well("nothing runs from this folder")
      : .problem(
        "still running without a supervisor: \(left.joined(separator: ", "))", advice: "./mesh down ends them.")
  }
}
