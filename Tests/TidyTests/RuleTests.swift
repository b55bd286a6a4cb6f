import Testing

/// Each rule catches what it is there for, and lets pass what looks like it.
@Suite struct RuleTests {
  private let package = SourceFile(
    "Package.swift",
    #"""
    func shared(_ name: String, _ dependencies: String...) -> Target {
      .target(name: name, path: "Shared/\(name)")
    }
    func service(_ name: String) -> [Target] {
      [.target(name: "\(name)API", path: "Services/\(name)/API"), .executableTarget(name: name, path: "Services/\(name)")]
    }
    func tool(_ name: String, at folder: String, _ dependencies: String...) -> Target {
      .executableTarget(
        name: name, path: "Tests/\(folder)")
    }
    let targets = [
      shared(
        "Wire", "Contract"),
      tool("x", at: "Bench/X"),
      service("Credits"),
      .target(name: "TestKit", path: "Tests/TestKit"),
    ]
    """#)

  @Test func `a file of 601 lines is too long, one of 600 is not`() {
    let fits = SourceFile("Shared/A/A.swift", String(repeating: "a\n", count: 600))
    let exceeds = SourceFile("Shared/A/B.swift", String(repeating: "a\n", count: 601))
    let prose = SourceFile("docs/long.md", String(repeating: "a\n", count: 601))
    #expect(
      overlongFiles([fits, exceeds, prose])
        == ["Shared/A/B.swift has 601 lines, more than 600: split it by what its parts are about"])
  }

  @Test func `a mark in a comment is found, the same letters in a word are not`() {
    let mark = "TO" + "DO"
    let file = SourceFile("Shared/A/A.swift", "let a = 1\n// \(mark): more\nlet template = \"name-XX\("XXXX")\"\n")
    #expect(leftoverMarks([file]) == ["Shared/A/A.swift:2 has a \(mark): do it, or open an issue"])
  }

  @Test func `switched-off tests, home folders and fixed addresses are found`() {
    let off = ".disab" + "led("
    let home = "/ho" + "me/"
    let address = "https" + "://"
    let files = [
      SourceFile("Tests/A/A.swift", "@Suite(\(off)\"slow\"))\n"),
      SourceFile("Shared/A/A.swift", "let log = Log\(off)\nlet path = \"\(home)me\"\n"),
      SourceFile("mesh", "curl \(address)registry\ncurl http" + "://127.0.0.1:8080\n"),
    ]
    #expect(
      forbiddenPhrases(files) == [
        "Tests/A/A.swift:1 has '\(off)', which switches a test off",
        "Shared/A/A.swift:2 has '\(home)', which is a path of one machine",
        "mesh:1 has '\(address)', which is a fixed address",
      ])
  }

  @Test func `a test named by a word is found, also below its arguments`() {
    let test = "@" + "Test"
    let text = """
      \(test) func works() {}
      \(test) func `short`() {}
      \(test)(arguments: [
        1, 2,
      ])
      func alsoNot(_ number: Int) {}
      \(test) func `a name that says what holds`() {}
      """
    #expect(
      namelessTests([SourceFile("Tests/A/A.swift", text)]).map { String($0.prefix(17)) }
        == ["Tests/A/A.swift:1", "Tests/A/A.swift:2", "Tests/A/A.swift:3"])
  }

  @Test func `an import across the layers is found, an allowed one is not`() {
    let others = ["Kafka", "Postgres", "Mesh", "Contract", "Telemetry", "EventLoop"].map {
      SourceFile("Shared/\($0)/\($0).swift", "")
    }
    let files =
      others + [
        SourceFile("Shared/Wire/A.swift", "import Foundation\n"),
        SourceFile("Shared/Telemetry/A.swift", "import Synchronization\nimport Mesh\n"),
        SourceFile("Shared/Unknown/A.swift", "import Contract\n"),
        SourceFile("Services/Credits/API/A.swift", "import Contract\npublic import Mesh\n"),
        SourceFile(
          "Services/Credits/Service.swift", "import CreditsAPI\nimport MatchingAPI\nimport Mesh\nimport Kafka\n"),
        SourceFile("Services/Credits/Rule.swift", "@preconcurrency import Postgres\nimport struct Matching.Score\n"),
        SourceFile("Services/Credits/Store/A.swift", "import Postgres\nimport Foundation\n"),
        SourceFile("Services/Credits/Domain/A.swift", "import Foundation\nimport CreditsAPI\nimport Telemetry\n"),
        SourceFile("Services/Gateway/A.swift", "import Mesh\nimport CreditsAPI\n"),
        SourceFile("Services/Matching/API/A.swift", ""),
        SourceFile("Services/Matching/A.swift", ""),
      ]
    #expect(
      layerViolations(files).map { $0.split(separator: ",")[0] } == [
        "Shared/Wire/A.swift imports Foundation",
        "Shared/Telemetry/A.swift imports Mesh",
        "Shared/Unknown/A.swift imports Contract",
        "Services/Credits/API/A.swift imports Mesh",
        "Services/Credits/Service.swift imports Kafka",
        "Services/Credits/Rule.swift imports Matching",
        "Services/Credits/Rule.swift imports Postgres",
        "Services/Credits/Domain/A.swift imports Telemetry",
        "Services/Gateway/A.swift imports CreditsAPI",
      ])
  }

  @Test func `a C module with two owners or none is found`() {
    let files = [
      SourceFile("Shared/CThing/include/CThing.h", ""), SourceFile("Shared/CIdle/include/CIdle.h", ""),
      SourceFile("Shared/COne/include/COne.h", ""),
      SourceFile("Shared/Crypto/A.swift", "import CThing\nimport COne\n"),
      SourceFile("Shared/Wire/A.swift", "import CThing\n"),
      SourceFile("Tests/WireTests/A.swift", "import COne\n"),
    ]
    #expect(
      sharedCModules(files) == [
        "CIdle is imported by no module: remove it",
        "CThing is imported by Crypto and Wire: leave it to one of them",
      ])
  }

  @Test func `helpers of the package's manifest are understood`() {
    let manifest = PackageManifest(package.text)
    #expect(
      manifest.paths == ["Shared/Wire", "Services/Credits", "Services/Credits/API", "Tests/Bench/X", "Tests/TestKit"])
    #expect(manifest.target(of: "Services/Credits/API/Hold.swift") == "Services/Credits/API")
    #expect(manifest.target(of: "Services/Credits/Domain/Account.swift") == "Services/Credits")
  }

  @Test func `a source outside all targets and a target without sources are found`() {
    let files = [
      package, SourceFile("Shared/Wire/A.swift", ""), SourceFile("Services/Credits/main.swift", ""),
      SourceFile("Services/Credits/API/A.swift", ""), SourceFile("Shared/Wires/A.swift", ""),
    ]
    #expect(
      strayTargets(files)
        == [
          "Shared/Wires/A.swift belongs to no target of Package.swift", "the target in Tests/Bench/X has no sources",
          "the target in Tests/TestKit has no sources",
        ])
  }

  @Test func `two files of one name are found within a target, not across targets`() {
    let files = [
      package, SourceFile("Shared/Wire/A/Frame.swift", ""), SourceFile("Shared/Wire/B/Frame.swift", ""),
      SourceFile("Services/Credits/Frame.swift", ""), SourceFile("Services/Credits/API/Frame.swift", ""),
    ]
    #expect(
      repeatedNames(files)
        == ["Shared/Wire/A/Frame.swift and Shared/Wire/B/Frame.swift have the same name in one target"])
  }

  @Test func `a document that quotes other code than the file has is found`() {
    let source = SourceFile("Shared/A.swift", "let a = 1\nlet b = 2\n")
    let honest = SourceFile("docs/TRUE.md", "Text\n```swift Shared/A.swift\nlet b = 2\n```\n")
    let untrue = SourceFile(
      "docs/UNTRUE.md", "\n```swift Shared/A.swift\nlet b = 3\n```\n```swift Shared/B.swift\nx\n```")
    #expect(untrueQuotations([source, honest]) == [])
    #expect(
      untrueQuotations([source, untrue]) == [
        "docs/UNTRUE.md quotes Shared/A.swift with other words than stand there",
        "docs/UNTRUE.md quotes Shared/B.swift, which does not exist",
      ])
  }
}
