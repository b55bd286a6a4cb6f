import Telemetry
import Testing

@testable import Gateway

@Suite struct GatewayOptionsTests {
  private let key = "1:" + String(repeating: "0a", count: 32)

  private func read(_ environment: [String: String]) throws(ConfigurationError) -> GatewayOptions {
    try GatewayOptions.read(arguments: [], environment: { environment[$0] })
  }

  @Test func `what is set becomes the edge's rules`() throws {
    let options = try read([
      "KAFKA_BROKERS": "a:1,b:2", "MESH_ROOT_KEY": key, "GATEWAY_ORIGINS": "https://app.example, http://localhost:3000",
      "GATEWAY_TRUSTED_PROXIES": "10.0.0.0/8,::1", "RATE_LIMIT_SCALE": "2.5", "GATEWAY_MAX_IN_FLIGHT": "100",
    ])
    let rules = Edge.Options(options)
    #expect(rules.crossOrigin.allows("http://localhost:3000"))
    #expect(rules.proxies.trusts(IPAddress("10.1.1.1")!))
    #expect(rules.rateScale == 2.5)
    #expect(rules.inFlightLimit == 100)
    #expect(rules.inFlightLimitOfService == 25)
    #expect(rules.deadline == .seconds(15))
  }

  @Test(arguments: [
    ("MESH_ROOT_KEY", "1:0a"), ("MESH_ROOT_KEY", ""), ("KAFKA_BROKERS", ""), ("KAFKA_BROKERS", "nowhere"),
    ("KAFKA_PROPERTIES", "client.id=x"), ("GATEWAY_ORIGINS", "*"), ("GATEWAY_TRUSTED_PROXIES", "10.0.0.0/40"),
    ("RATE_LIMIT_SCALE", "0"), ("GATEWAY_LISTEN", "8080"),
  ])
  func `what cannot be is said with its name, and keys are not shown`(_ name: String, _ value: String) {
    var environment = ["KAFKA_BROKERS": "a:1", "MESH_ROOT_KEY": key]
    environment[name] = value
    let error = #expect(throws: ConfigurationError.self) { try read(environment) }
    #expect(error?.description.contains(name) == true)
    #expect(error?.description.contains("0a0a") == false)
  }
}
