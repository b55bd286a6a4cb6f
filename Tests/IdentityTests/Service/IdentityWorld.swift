import Contract
import Crypto
import EventLoop
import Foundation
import IdentityAPI
import Mesh
import ServiceKit

/// Identity, and what every gateway knows of it.
@Loop final class IdentityWorld: ServiceWorld {
  /// What every gateway knows, from the shared topics alone.
  let keys = TopicCopy()
  let revocations = TopicCopy()

  /// Starts replicas with these settings.
  init(replicas: Int = 1, settings: [String] = []) async throws {
    try await super.init("identity")
    for replica in 0..<replicas { try await start(replica, ["DEVELOPMENT=true", "PASSWORD_COST=8KiB"] + settings) }
    try await keys.open("identity.keys", kafka)
    try await revocations.open("identity.revocations", kafka)
  }

  override func end() async throws {
    await keys.close()
    await revocations.close()
    try await super.end()
  }

  /// Registers somebody.
  func register(_ email: String, password: String = "correct battery horse") async throws -> SignedIn {
    try await ask(Register(registering: email, password)).get()
  }

  func login(
    _ email: String, password: String = "correct battery horse", client: ClientDetails? = nil
  ) async throws -> Result<SignedIn, Problem> {
    try await ask(Login(email: EmailAddress(email)!, password: password), client: client)
  }

  /// The token of the newest mail to `email` about `subject`, as soon as it is there.
  func mailedToken(to email: String, about subject: String) async throws -> String {
    var token: String?
    try await wait("mail to \(email)") {
      let reply = try await ask(DevelopmentMailbox(), query: "to=\(email)").get()
      token = reply.items.first { $0.subject.contains(subject) }?.token
      return token != nil
    }
    return token!
  }

  /// Who holds an access token, for a gateway that knows only what the topics say. Throws `TokenError`.
  func caller(holding token: String) throws -> Caller {
    let keys = try keys.values.values.map { try JSONDecoder().decode(PublishedKey.self, from: Data($0)).jwk }
    let set = JSONWebKeySet(keys.compactMap { Base64URL.decode($0.x).flatMap { VerifyingKey($0) } })
    let verifier = TokenVerifier(keys: set, issuer: "skillmesh", audience: "skillmesh")
    let claims = try verifier.verify(token, as: GatewayClaims.self, now: Date())
    return .member(claims.sub, role: claims.role, session: claims.sid)
  }

  /// The value of a counter, over all replicas.
  func counter(_ name: String) async throws -> Int {
    try replicas.reduce(0) { sum, replica in
      let curl = Process()
      let output = Pipe()
      curl.executableURL = URL(fileURLWithPath: "/usr/bin/curl")
      curl.arguments = ["-sf", "http://\(replica.ops)/metrics"]
      curl.standardOutput = output
      try curl.run()
      let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      curl.waitUntilExit()
      let line = text.split(separator: "\n").first { $0.hasPrefix("\(name) ") }
      return sum + (line?.split(separator: " ").last.flatMap { Double($0) }.map { Int($0) } ?? 0)
    }
  }
}

/// What the gateway reads in an access token.
struct GatewayClaims: TokenClaims {
  let iss: String
  let aud: String
  let exp: Date
  let nbf: Date?
  let sub: MemberID
  let sid: AuthSessionID
  let role: Role
}

extension Register {
  init(registering email: String, _ password: String) throws {
    self.init(
      email: EmailAddress(email)!, password: try NewPassword(password), firstName: try PersonName("Ada"),
      lastName: try PersonName("Lovelace"))
  }
}

extension SignedIn {
  /// The signed-in member as the gateway names them.
  func caller(_ world: IdentityWorld) async throws -> Caller {
    var caller: Caller?
    try await world.wait("the key of the token") {
      caller = try? world.caller(holding: accessToken)
      return caller != nil
    }
    return caller!
  }
}
