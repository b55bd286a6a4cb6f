// swift-tools-version: 6.2
import PackageDescription

/// Language rules every Swift target shares: the Swift 6 mode, imports that name what they use, and async
/// functions that stay on their caller's actor unless they say otherwise.
let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

/// A C shim or module map in `Shared/`, linked against `libraries`.
func c(_ name: String, _ libraries: String...) -> Target {
  .target(name: name, path: "Shared/\(name)", linkerSettings: libraries.map { .linkedLibrary($0) })
}

/// A module that several services share.
func shared(_ name: String, _ dependencies: String...) -> Target {
  .target(
    name: name, dependencies: dependencies.map { .init(stringLiteral: $0) }, path: "Shared/\(name)",
    swiftSettings: settings)
}

/// A program of its own under `Services/`.
func program(_ name: String, _ dependencies: String...) -> Target {
  .executableTarget(
    name: name, dependencies: dependencies.map { .init(stringLiteral: $0) }, path: "Services/\(name)",
    swiftSettings: settings)
}

/// A service under `Services/`: its contract `<Name>API`, which others may import too, and the program that keeps it, with
/// `resources` embedded.
func service(_ name: String, resources: [String] = [], _ dependencies: String...) -> [Target] {
  let common = ["\(name)API", "Contract", "EventLoop", "Mesh", "Postgres", "Telemetry"]
  return [
    .target(
      name: "\(name)API", dependencies: ["Contract"], path: "Services/\(name)/API", swiftSettings: settings),
    .executableTarget(
      name: name, dependencies: (common + dependencies).map { .init(stringLiteral: $0) }, path: "Services/\(name)",
      exclude: ["API"], resources: resources.map { .embedInCode($0) }, swiftSettings: settings),
  ]
}

/// The suite in `Tests/<name>`; every suite may use `TestKit`.
func tests(_ name: String, _ dependencies: String...) -> Target {
  .testTarget(
    name: name, dependencies: (["TestKit"] + dependencies).map { .init(stringLiteral: $0) }, path: "Tests/\(name)",
    swiftSettings: settings)
}

let package = Package(
  name: "skillmesh",
  products: [
    .executable(name: "broker", targets: ["Broker"]), .executable(name: "identity", targets: ["Identity"]),
  ],
  targets: [
    c("CEpoll"),
    c("CChecksum"),
    c("CCrypt", "crypt"),
    c("CSodium", "sodium"),
    c("CKafka", "rdkafka"),
    c("CPostgres", "pq"),
    c("CCurl", "curl"),
    shared("EventLoop", "CEpoll"),
    shared("Contract"),
    shared("Wire"),
    shared("Crypto", "CCrypt", "CSodium"),
    shared("Telemetry"),
    shared("Kafka", "CKafka", "EventLoop"),
    shared("Postgres", "CPostgres", "Contract", "EventLoop"),
    shared("HTTP", "EventLoop", "Wire"),
    shared("Curl", "CCurl", "EventLoop"),
    shared("Mesh", "Contract", "Crypto", "EventLoop", "HTTP", "Kafka", "Postgres", "Telemetry", "Wire"),
    program("Broker", "CChecksum", "EventLoop", "HTTP", "Telemetry", "Wire"),

    .target(name: "TestKit", path: "Tests/TestKit", swiftSettings: settings),
    .executableTarget(
      name: "broker-bench", dependencies: ["EventLoop", "Kafka", "TestKit"], path: "Tests/Bench/Broker",
      swiftSettings: settings),
    tests("KafkaTests", "EventLoop", "Kafka"),
    tests("ContractTests", "Contract"),
    tests("EventLoopTests", "EventLoop"),
    tests("PostgresTests", "Contract", "EventLoop", "Postgres"),
    tests("WireTests", "Wire"),
    tests("CryptoTests", "Crypto"),
    tests("TelemetryTests", "Telemetry"),
    tests("CurlTests", "Curl", "EventLoop", "HTTP", "Wire"),
    tests("HTTPTests", "EventLoop", "HTTP", "Wire"),
    .executableTarget(
      name: "HTTPVerdict", dependencies: ["Wire"], path: "Tests/Fuzz/HTTPVerdict", swiftSettings: settings),
    .executableTarget(
      name: "mesh-example", dependencies: ["Contract", "EventLoop", "Mesh", "Postgres", "Telemetry"],
      path: "Tests/MeshTests/Example", swiftSettings: settings),
    .testTarget(
      name: "MeshTests",
      dependencies: [
        "TestKit", "Contract", "Crypto", "EventLoop", "Kafka", "Mesh", "Postgres", "Telemetry", "Wire", "mesh-example",
        "Broker",
      ],
      path: "Tests/MeshTests", exclude: ["Example"], swiftSettings: settings),
    tests("BrokerTests", "Broker", "CChecksum", "EventLoop", "Telemetry", "Wire"),
    tests(
      "IdentityTests", "Broker", "Contract", "Crypto", "EventLoop", "Identity", "IdentityAPI", "Kafka", "Mesh", "Postgres",
      "Telemetry"),
  ]
    + service("Identity", resources: ["Domain/common-passwords.txt", "Store/Migrations"], "Crypto", "Curl")
)
