import Testing

@testable import Gateway

@Suite struct AddressTests {
  @Test(arguments: ["127.0.0.1", "10.1.2.3", "2001:db8::1", "::1", "::"])
  func `an address is written as it was read`(_ text: String) {
    #expect(IPAddress(text)?.description == text)
  }

  @Test(arguments: ["", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4:80", "[::1]", "fe80::1%eth0", "host", "1.2.3.4 "])
  func `what is no address is refused`(_ text: String) {
    #expect(IPAddress(text) == nil)
  }

  @Test func `the same address in both versions is one`() {
    #expect(IPAddress("::ffff:10.0.0.1") == IPAddress("10.0.0.1"))
    #expect(IPAddress("10.0.0.1")?.household == IPAddress("10.0.0.1"))
    #expect(IPAddress("2001:db8:1:2:3::4")?.household == IPAddress("2001:db8:1:2::"))
  }

  @Test(arguments: [
    ("10.0.0.0/8", "10.200.1.1", true), ("10.0.0.0/8", "11.0.0.1", false), ("10.0.0.7", "10.0.0.7", true),
    ("10.0.0.7", "10.0.0.8", false), ("fd00::/8", "fd12::1", true), ("fd00::/8", "fe00::1", false),
    ("0.0.0.0/0", "1.2.3.4", true), ("0.0.0.0/0", "2001:db8::1", false), ("::/0", "2001:db8::1", true),
    ("2001:db8::/65", "2001:db8:0:0:7fff::", true), ("2001:db8::/65", "2001:db8:0:0:8000::", false),
    ("::1", "::1", true), ("10.9.9.9/8", "10.0.0.1", true),
  ])
  func `a network holds the addresses that begin as it does`(_ network: String, _ address: String, _ isIn: Bool) {
    #expect(Network(option: network)?.contains(IPAddress(address)!) == isIn)
  }

  @Test(arguments: ["10.0.0.0/33", "10.0.0.0/", "::/129", "10.0.0.0/-1", "x/8", ""])
  func `what is no network is refused`(_ text: String) {
    #expect(Network(option: text) == nil)
  }

  @Test func `a network is shown as it would be typed`() {
    #expect(Network(option: "10.9.9.9/8")?.optionText == "10.0.0.0/8")
    #expect(Network(option: "fd00::/8")?.optionText == "fd00::/8")
  }

  @Test(arguments: [
    ("9.9.9.9", "1.1.1.1", "9.9.9.9"),  // not a proxy: what it says of others is not believed
    ("10.0.0.1", nil, "10.0.0.1"),
    ("10.0.0.1", "1.1.1.1", "1.1.1.1"),
    ("10.0.0.1", "6.6.6.6, 1.1.1.1", "1.1.1.1"),  // the client invented 6.6.6.6
    ("10.0.0.1", "1.1.1.1, 10.0.0.2", "1.1.1.1"),  // two proxies of ours
    ("10.0.0.1", "10.0.0.3,10.0.0.2", "10.0.0.3"),
    ("10.0.0.1", "1.1.1.1,  2001:db8::1 ", "2001:db8::1"),
    ("10.0.0.1", "1.1.1.1, unknown", "10.0.0.1"),
    ("10.0.0.1", "", "10.0.0.1"),
  ])
  func `the client is the first address from the end that no trusted proxy has`(
    _ peer: String, _ header: String?, _ client: String
  ) {
    let proxies = TrustedProxies(networks: [Network(option: "10.0.0.0/8")!])
    #expect(proxies.client(of: IPAddress(peer)!, forwardedFor: header).description == client)
  }

  @Test func `only a trusted proxy says that a connection is encrypted`() {
    let proxies = TrustedProxies(networks: [Network(option: "10.0.0.0/8")!])
    #expect(proxies.isEncrypted(from: IPAddress("10.0.0.1")!, forwardedProto: "https"))
    #expect(!proxies.isEncrypted(from: IPAddress("10.0.0.1")!, forwardedProto: "http"))
    #expect(!proxies.isEncrypted(from: IPAddress("9.9.9.9")!, forwardedProto: "https"))
  }
}
