import Glibc
import Testing

@testable import Telemetry

private enum Cleanup: String, CaseIterable, OptionValue { case delete, compact }

private struct StorageOptions: OptionGroup {
  @Option("segment", env: "APP_SEGMENT", in: .mebibytes(1) ... .gibibytes(2), help: "Size of a segment.")
  var segment: ByteSize = .mebibytes(64)

  @Option("cleanup", env: "APP_CLEANUP", help: "What is done with old records.")
  var cleanup: Cleanup = .delete
}

private struct AppOptions: Options {
  static let program = "app"
  static let about = "An example."

  @Option("data", env: "APP_DATA", help: "Folder of its files.") var data: String
  @Option("listen", env: "APP_LISTEN", help: "Where clients connect.") var listen: HostPort = "127.0.0.1:9092"
  @Option("workers", env: "APP_WORKERS", in: 1...64, help: "Threads.") var workers: Int = 4
  @Option("fsync", env: "APP_FSYNC", help: "Whether writes are flushed.") var fsync: Bool = true
  @Option("user", env: "APP_USER", help: "Name to log in with.") var user: String? = nil
  @Option("password", env: "APP_PASSWORD", help: "Password to log in with.") var password: Secret<String>? = nil
  let storage = StorageOptions()

  func check() -> [String] {
    user != nil && password == nil ? ["APP_USER is set without APP_PASSWORD: set both or neither"] : []
  }
}

private struct SecretOptions: Options {
  static let program = "teller"
  static let about = "Needs a database."
  @Option("database-url", env: "DATABASE_URL", help: "Where it is.") var database: Secret<ServiceURL>
}

private func problems<O: Options>(
  _: O.Type, _ arguments: [String] = [], _ environment: [String: String] = [:]
) -> [String] {
  do {
    _ = try O.read(arguments: arguments) { environment[$0] }
    return []
  } catch {
    return error.problems
  }
}

@Suite struct OptionsTests {
  @Test func `a default holds until the environment says otherwise, and a flag wins over both`() throws {
    let plain = try AppOptions.read(arguments: ["--data", "d"]) { _ in nil }
    #expect(plain.listen == HostPort(host: "127.0.0.1", port: 9092))

    let environment = ["APP_DATA": "e", "APP_LISTEN": "[::1]:80", "APP_WORKERS": "8"]
    let mixed = try AppOptions.read(arguments: ["--workers=16", "--data", "f"]) { environment[$0] }
    #expect(mixed.data == "f")
    #expect(mixed.listen == HostPort(host: "::1", port: 80))
    #expect(mixed.workers == 16)
  }

  @Test func `a group's options are read with the program's`() throws {
    let options = try AppOptions.read(arguments: ["--data=d", "--segment", "1GiB", "--cleanup", "compact"]) { _ in nil }
    #expect(options.storage.segment == .gibibytes(1))
    #expect(options.storage.cleanup == .compact)
  }

  @Test func `all problems are reported at once, each with what was found and what is expected`() {
    let found = problems(
      AppOptions.self, ["--workers", "65", "--lisen", "x", "stray", "--segment=1KiB", "--cleanup", "--fsync=perhaps"],
      ["APP_LISTEN": "nowhere"])
    #expect(
      found == [
        "--lisen: no such flag, did you mean --listen?",
        #""x": not a flag, expected only flags"#,
        #""stray": not a flag, expected only flags"#,
        "--cleanup: has no value, expected one of delete, compact",
        "APP_DATA: not set, expected a text (or --data)",
        #"APP_LISTEN: got "nowhere", expected HOST:PORT such as 127.0.0.1:9092"#,
        #"--workers: got "65", expected a whole number, from 1 to 64"#,
        #"--fsync: got "perhaps", expected true or false"#,
        #"--segment: got "1KiB", expected a size such as 512KiB, 64MiB or 1GiB, from 1MiB to 2GiB"#,
      ])
  }

  @Test func `a flag far from every known one gets no suggestion`() {
    #expect(problems(AppOptions.self, ["--data=d", "--zzzzzzzz=1"]) == ["--zzzzzzzz: no such flag"])
  }

  @Test func `a flag given twice is refused`() {
    #expect(problems(AppOptions.self, ["--data", "a", "--data", "b"]) == ["--data: given twice, expected once"])
  }

  @Test func `a switch may stand alone, even before another flag`() throws {
    let options = try AppOptions.read(arguments: ["--fsync", "--data", "d"]) { ["APP_FSYNC": "false"][$0] }
    #expect(options.fsync)
  }

  @Test func `an empty variable counts as not set`() {
    #expect(problems(AppOptions.self, [], ["APP_DATA": ""]) == ["APP_DATA: not set, expected a text (or --data)"])
  }

  @Test func `problems between options are told once each option is well`() {
    #expect(
      problems(AppOptions.self, ["--data=d"], ["APP_USER": "u"])
        == ["APP_USER is set without APP_PASSWORD: set both or neither"])
  }

  @Test func `a message quotes hostile text on one line and cuts it`() {
    let found = problems(AppOptions.self, ["--data=d", "--workers=1\n2"])
    #expect(found == [#"--workers: got "1\n2", expected a whole number, from 1 to 64"#])
    let long = problems(AppOptions.self, ["--data=d", "--workers=" + String(repeating: "9", count: 500)])
    #expect(long.count == 1 && long[0].utf8.count < 160)
  }

  @Test func `the help page names every option with variable, default and meaning`() {
    #expect(
      AppOptions.help.contains(
        """
          --segment VALUE  (APP_SEGMENT)
              Size of a segment.
              Expected: a size such as 512KiB, 64MiB or 1GiB, from 1MiB to 2GiB. Default: 64MiB.
        """))
    #expect(AppOptions.help.contains("--password-file VALUE  (APP_PASSWORD or APP_PASSWORD_FILE)"))
    #expect(AppOptions.help.contains("Expected: a text. Required."))
    #expect(AppOptions.help.contains("Expected: a text. Optional."))
    for declaration in AppOptions.declarations { #expect(AppOptions.help.contains(declaration.help)) }
  }

  @Test func `a program with a bad configuration says all of it to standard error and exits with 2`() async throws {
    let exit = try #require(
      await #expect(processExitsWith: .exitCode(2), observing: [\.standardErrorContent]) {
        _ = AppOptions.load(arguments: ["--workers=0", "--lisen=x"])
      })
    let text = String(decoding: exit.standardErrorContent, as: UTF8.self)
    #expect(
      text == """
        app: --lisen: no such flag, did you mean --listen?
        app: APP_DATA: not set, expected a text (or --data)
        app: --workers: got "0", expected a whole number, from 1 to 64
        app: see app --help

        """)
  }

  @Test func `asked for help, a program prints it and exits with 0, whatever else is wrong`() async throws {
    let exit = try #require(
      await #expect(processExitsWith: .success, observing: [\.standardOutputContent]) {
        _ = AppOptions.load(arguments: ["--workers=0", "--help"])
      })
    #expect(String(decoding: exit.standardOutputContent, as: UTF8.self).contains(AppOptions.help))
  }

  @Test func `the declarations can be listed without reading anything`() {
    let declarations = AppOptions.declarations
    #expect(
      declarations.map(\.variable) == [
        "APP_DATA", "APP_LISTEN", "APP_WORKERS", "APP_FSYNC", "APP_USER", "APP_PASSWORD", "APP_SEGMENT", "APP_CLEANUP",
      ])
    #expect(declarations.map(\.isRequired) == [true] + Array(repeating: false, count: 7))
    #expect(declarations.filter(\.isSecret).map(\.flag) == ["password-file"])
  }
}

@Suite struct SecretOptionTests {
  private func withFile(_ text: String, _ body: (String) throws -> Void) throws {
    var template = Array("/tmp/telemetry-test-XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    defer { close(descriptor) }
    try #require(write(descriptor, text, text.utf8.count) == text.utf8.count)
    let path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    defer { unlink(path) }
    try body(path)
  }

  @Test func `a secret comes from its variable or from a file, without the final line break`() throws {
    let direct = try SecretOptions.read(arguments: []) { ["DATABASE_URL": "db://me:pw@here/a"][$0] }
    #expect(direct.database.exposed.text == "db://me:pw@here/a")
    try withFile("db://me:pw@here/a\n") { path in
      let byVariable = try SecretOptions.read(arguments: []) { ["DATABASE_URL_FILE": path][$0] }
      #expect(byVariable.database == direct.database)
      let byFlag = try SecretOptions.read(arguments: ["--database-url-file", path]) {
        ["DATABASE_URL": "db://elsewhere"][$0]
      }
      #expect(byFlag.database == direct.database)
    }
  }

  @Test func `a secret has no flag of its own`() {
    #expect(
      problems(SecretOptions.self, ["--database-url=db://me:pw@here"]) == [
        "--database-url: no such flag",
        "DATABASE_URL: not set, expected a URL such as scheme://host:port/path"
          + " (or DATABASE_URL_FILE or --database-url-file)",
      ])
  }

  @Test func `a malformed secret is never shown`() {
    let found = problems(SecretOptions.self, [], ["DATABASE_URL": "hunter2hunter2"])
    #expect(found.count == 1)
    #expect(found[0].hasPrefix("DATABASE_URL: got a secret of 14 bytes, expected a URL"))
    #expect(!found[0].contains("hunter"))
  }

  @Test func `a secret given both ways is refused`() {
    #expect(
      problems(SecretOptions.self, [], ["DATABASE_URL": "db://here", "DATABASE_URL_FILE": "/x"])
        == ["DATABASE_URL and DATABASE_URL_FILE: both set, expected one of them"])
  }

  @Test func `a secret's file must be there, not empty, and small`() throws {
    #expect(
      problems(SecretOptions.self, [], ["DATABASE_URL_FILE": "/nowhere/url"])
        == [#"DATABASE_URL_FILE: cannot read "/nowhere/url": No such file or directory"#])
    try withFile("\n") { path in
      #expect(problems(SecretOptions.self, [], ["DATABASE_URL_FILE": path])[0].hasSuffix(": empty"))
    }
    try withFile(String(repeating: "0", count: 65_537)) { path in
      #expect(problems(SecretOptions.self, [], ["DATABASE_URL_FILE": path])[0].hasSuffix(": larger than 64 KiB"))
    }
  }

  @Test func `printing, interpolating and dumping a secret do not reveal it`() {
    let secret = Secret("hunter2")
    var dumped = ""
    dump(secret, to: &dumped)
    #expect(!"\(secret) \(String(reflecting: secret)) \([secret]) \(dumped)".contains("hunter2"))
    #expect(secret.exposed == "hunter2")
  }
}
