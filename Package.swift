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

/// A program under `Tests/` that tests or measurements run.
func tool(_ name: String, at folder: String, _ dependencies: String...) -> Target {
  .executableTarget(
    name: name, dependencies: dependencies.map { .init(stringLiteral: $0) }, path: "Tests/\(folder)",
    swiftSettings: settings)
}

/// The suite in `Tests/<name>`; every suite may use `TestKit`.
func tests(_ name: String, _ dependencies: String...) -> Target {
  .testTarget(
    name: name, dependencies: (["TestKit"] + dependencies).map { .init(stringLiteral: $0) }, path: "Tests/\(name)",
    swiftSettings: settings)
}

/// The services of the domain.
let services = [
  service("Identity", resources: ["Domain/common-passwords.txt", "Store/Migrations"], "Crypto", "Curl"),
  service(
    "Messaging", resources: ["Store/Migrations"], "Crypto", "IdentityAPI", "PresenceAPI",
    "ProfilesAPI"),
  service("Presence", resources: ["Store/Migrations"], "IdentityAPI", "MessagingAPI", "ProfilesAPI", "Redis"),
  service(
    "Profiles", resources: ["Store/Migrations"], "Crypto", "IdentityAPI", "MessagingAPI", "PresenceAPI", "Storage"),
]

let package = Package(
  name: "skillmesh",
  products: [
    .executable(name: "broker", targets: ["Broker"]),
    .executable(name: "gateway", targets: ["Gateway"]),
    .executable(name: "identity", targets: ["Identity"]),
    .executable(name: "mesh", targets: ["Operator"]),
    .executable(name: "messaging", targets: ["Messaging"]),
    .executable(name: "presence", targets: ["Presence"]),
    .executable(name: "profiles", targets: ["Profiles"]),
  ],
  targets: [
    c("CChecksum"),
    c("CCrypt", "crypt"),
    c("CCurl", "curl"),
    c("CEpoll"),
    c("CKafka", "rdkafka"),
    c("CPostgres", "pq"),
    c("CRedis", "hiredis"),
    c("CSodium", "sodium"),

    shared("Contract"),
    shared("Wire"),
    shared("Telemetry"),
    shared("EventLoop", "CEpoll"),
    shared("Crypto", "CCrypt", "CSodium"),
    shared("Curl", "CCurl", "EventLoop"),
    shared("HTTP", "EventLoop", "Wire"),
    shared("Kafka", "CKafka", "EventLoop"),
    shared("Postgres", "CPostgres", "Contract", "EventLoop"),
    shared("Redis", "CRedis", "EventLoop"),
    shared("Storage", "Contract", "Crypto", "Curl", "EventLoop", "Telemetry"),
    shared("Mesh", "Contract", "Crypto", "EventLoop", "HTTP", "Kafka", "Postgres", "Telemetry", "Wire"),

    program("Broker", "CChecksum", "EventLoop", "HTTP", "Telemetry", "Wire"),
    program("Gateway", "Contract", "Crypto", "EventLoop", "HTTP", "Mesh", "Redis", "Storage", "Telemetry", "Wire"),
    program(
      "Operator", "Contract", "Crypto", "Curl", "EventLoop", "HTTP", "IdentityAPI", "Kafka", "Mesh", "MessagingAPI",
      "Postgres", "ProfilesAPI", "Telemetry", "Wire"),

    .target(name: "TestKit", path: "Tests/TestKit", swiftSettings: settings),
    .target(
      name: "ServiceKit",
      dependencies: ["Contract", "Crypto", "EventLoop", "Kafka", "Mesh", "Postgres", "Telemetry", "TestKit"],
      path: "Tests/ServiceKit", swiftSettings: settings),
    tool("HTTPVerdict", at: "Fuzz/HTTPVerdict", "Wire"),
    tool("WebSocketVerdict", at: "Fuzz/WebSocketVerdict", "Wire"),
    tool(
      "leaks", at: "Sanitize/Leaks", "Contract", "Crypto", "Curl", "EventLoop", "HTTP", "Kafka", "Postgres", "Redis",
      "TestKit", "Wire"),
    tool("races", at: "Sanitize/Races", "EventLoop", "Telemetry"),
    tool("mesh-example", at: "MeshExample", "Contract", "EventLoop", "Mesh", "Postgres", "Storage", "Telemetry"),
    .target(
      name: "BenchKit", dependencies: ["Crypto", "EventLoop", "Kafka", "TestKit"], path: "Tests/Bench/Kit",
      swiftSettings: settings),
    tool("broker-bench", at: "Bench/Broker", "BenchKit", "EventLoop", "Kafka", "TestKit"),
    tool(
      "chat-bench", at: "Bench/Chat", "BenchKit", "Contract", "Crypto", "EventLoop", "HTTP", "Kafka", "Mesh",
      "MessagingAPI", "Postgres", "Telemetry"),
    tool(
      "discovery-bench", at: "Bench/Discovery", "BenchKit", "Contract", "Crypto", "EventLoop", "Kafka", "Mesh",
      "Postgres", "PresenceAPI", "ProfilesAPI", "Telemetry", "TestKit"),
    tool("edge-bench", at: "Bench/Edge", "BenchKit", "EventLoop", "TestKit"),
    tool(
      "presence-bench", at: "Bench/Presence", "BenchKit", "Contract", "Crypto", "EventLoop", "Kafka", "Mesh",
      "Telemetry", "TestKit"),
    tool("rest-bench", at: "Bench/REST", "BenchKit", "EventLoop", "Postgres", "TestKit"),
    tool("rpc-bench", at: "Bench/RPC", "BenchKit", "EventLoop", "Kafka", "TestKit"),
    tests("BrokerTests", "Broker", "CChecksum", "EventLoop", "Telemetry", "Wire"),
    tests("ContractTests", "Contract"),
    tests("CryptoTests", "Crypto"),
    tests("CurlTests", "Curl", "EventLoop", "HTTP", "Wire"),
    tests("EventLoopTests", "EventLoop"),
    tests(
      "GatewayTests", "Broker", "Contract", "Crypto", "EventLoop", "Gateway", "HTTP", "Kafka", "Mesh", "Postgres",
      "Redis", "Storage", "Telemetry", "Wire", "mesh-example"),
    tests("HTTPTests", "EventLoop", "HTTP", "Wire"),
    tests(
      "IdentityTests", "Broker", "Contract", "Crypto", "EventLoop", "Identity", "IdentityAPI", "Mesh", "Postgres",
      "ServiceKit"),
    tests("KafkaTests", "EventLoop", "Kafka"),
    tests(
      "MeshTests", "Broker", "Contract", "Crypto", "EventLoop", "Kafka", "Mesh", "Postgres", "Telemetry", "Wire",
      "mesh-example"),
    tests(
      "MessagingTests", "Broker", "Contract", "Crypto", "EventLoop", "Mesh", "Messaging", "MessagingAPI", "Postgres",
      "PresenceAPI", "ServiceKit"),
    tests("OperatorTests", "Contract", "EventLoop", "IdentityAPI", "Kafka", "Operator", "Postgres", "Telemetry"),
    tests("PostgresTests", "Contract", "EventLoop", "Postgres"),
    tests(
      "PresenceTests", "Broker", "Contract", "EventLoop", "IdentityAPI", "Mesh", "MessagingAPI", "Postgres", "Presence",
      "PresenceAPI", "ProfilesAPI", "ServiceKit", "Telemetry"),
    tests(
      "ProfilesTests", "Broker", "Contract", "EventLoop", "IdentityAPI", "Mesh", "MessagingAPI", "Postgres",
      "PresenceAPI", "Profiles", "ProfilesAPI", "ServiceKit", "Storage"),
    tests("RedisTests", "EventLoop", "Redis"),
    tests("StorageTests", "Contract", "Crypto", "Curl", "EventLoop", "Storage"),
    tests("TelemetryTests", "Telemetry"),
    tests("TidyTests"),
    tests("WireTests", "Wire"),
  ]
    + services.flatMap { $0 }
)
