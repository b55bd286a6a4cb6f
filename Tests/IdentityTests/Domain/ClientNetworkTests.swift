import Testing

@testable import Identity

@Suite struct ClientNetworkTests {
  @Test(arguments: [
    ("192.0.2.1", "192.0.2.1", true), ("192.0.2.1", "192.0.2.2", false),
    ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", true), ("2001:db8::1", "2001:db8:0:1::1", false),
    ("", "", true), ("junk", "::1", false),
  ])
  func `addresses of one customer are one client`(_ one: String, _ other: String, _ isSame: Bool) {
    #expect((ClientNetwork(of: one) == ClientNetwork(of: other)) == isSame)
  }
}
