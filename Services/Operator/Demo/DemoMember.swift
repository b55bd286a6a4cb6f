import EventLoop
import Wire

/// Somebody who plays a part: a new member each time, whom nobody else can sign in as.
@Loop final class DemoMember {
  let name: String
  let email: String
  /// A password that is forgotten with this process.
  private let password = Secrets.newSecret()
  private let gateway: GatewayClient
  private var refreshToken = ""
  /// What shows who asks.
  private(set) var token = ""
  private(set) var id = ""

  init(_ name: String, of gateway: GatewayClient) {
    (self.name, self.gateway) = (name, gateway)
    email = "\(name.lowercased())-\(Secrets.newSecret().prefix(12))@example.org"
  }

  // MARK: Who it is

  /// Becomes a member. Returns for how many seconds the token holds.
  func register() async throws -> Int {
    let answer = try await gateway.ask(
      "identity", "POST", "/api/v1/auth/register", token: nil,
      ["email": email, "password": password, "firstName": name, "lastName": "Demo"], expecting: [201])
    try take(answer)
    return answer["expiresIn"]?.integer() ?? 0
  }

  /// Shows that the address is theirs, with what was mailed to it. Returns whether that is known then.
  func proveAddress() async throws -> Bool {
    let mails = try await gateway.wait(for: "a mail", "identity", "/dev/mailbox?to=\(email)", token: token) {
      Self.mailed($0) != nil
    }
    _ = try await gateway.ask(
      "identity", "POST", "/api/v1/auth/verify-email", token: nil, ["token": Self.mailed(mails) ?? ""],
      expecting: [204])
    let answer = try await gateway.ask(
      "identity", "POST", "/api/v1/auth/login", token: nil, ["email": email, "password": password], expecting: [200])
    // The first sign-in is not needed any more.
    try await signOut()
    try take(answer)
    return answer["user"]?["emailVerified"]?.boolean ?? false
  }

  private static func mailed(_ mails: JSONValue) -> String? {
    mails["items"]?.elements.first { _ in true }?["token"]?.string
  }

  /// Ends the sign-in.
  func signOut() async throws {
    _ = try await gateway.ask(
      "identity", "POST", "/api/v1/auth/logout", token: nil, ["refreshToken": refreshToken], expecting: [204])
  }

  private func take(_ answer: JSONValue) throws {
    guard let id = answer["user"]?["id"]?.string, let token = answer["accessToken"]?.string,
      let refreshToken = answer["refreshToken"]?.string
    else { throw Unexpected("a user and tokens", got: "none") }
    (self.id, self.token, self.refreshToken) = (id, token, refreshToken)
  }

  // MARK: What it asks

  /// Asks as this member, of a service.
  @discardableResult
  func ask(
    _ service: String, _ method: String, _ path: String, _ body: GatewayClient.Body? = nil,
    expecting statuses: Int...
  ) async throws -> JSONValue {
    try await gateway.ask(service, method, "/api/v1\(path)", token: token, body, expecting: statuses)
  }

  /// Asks until `holds`.
  @discardableResult
  func wait(
    for what: String, _ service: String, _ path: String, _ holds: @Loop (JSONValue) -> Bool
  ) async throws -> JSONValue {
    try await gateway.wait(for: what, service, "/api/v1\(path)", token: token, holds)
  }

  /// Writes a message. Returns its number in the conversation.
  @discardableResult
  func write(_ body: String, in conversation: String) async throws -> Int {
    let message = try await ask(
      "messaging", "POST", "/conversations/\(conversation)/messages",
      ["clientMessageId": Secrets.newSecret(), "body": body], expecting: 201)
    return message["seq"]?.integer() ?? 0
  }

  /// Says how far this member has read.
  func read(upTo seq: Int, in conversation: String) async throws {
    try await ask("messaging", "POST", "/conversations/\(conversation)/receipts", ["readSeq": seq], expecting: 200)
  }
}
