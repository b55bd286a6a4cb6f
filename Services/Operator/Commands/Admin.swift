import Contract
import EventLoop
import Foundation
import IdentityAPI
import Mesh
import MessagingAPI

/// What is to be done about a member.
enum AdminCommand: Equatable {
  case create(NewMember)
  /// Shut out until a time; without one for good.
  case suspend(MemberReference, until: Timestamp?, reason: String)
  case restore(MemberReference)
  /// Count as somebody who teaches, or no more, until profiles say so themselves.
  case provider(MemberReference, isProvider: Bool)

  /// Somebody who becomes a member, or a member who gets a role.
  struct NewMember: Equatable {
    let email: EmailAddress
    let firstName: PersonName
    let lastName: PersonName
    /// nil for a plain member, who must be new.
    var role: Role?
    /// Whether the password is read from standard input; otherwise one is made up.
    var hasPassword = false
  }

  /// How a member is named on a command line.
  enum MemberReference: Equatable {
    case id(MemberID)
    case email(EmailAddress)
  }

  /// Reads the words after `admin`. Throws `UsageError`.
  init(_ words: inout Words) throws(UsageError) {
    let name = try words.require("create, suspend, restore or provider")
    switch name {
    case "create":
      let email = try Self.email(try words.require(option: "--email"), as: "--email")
      let firstName = try Self.personName("--first-name", &words)
      let lastName = try Self.personName("--last-name", &words)
      let role = try words.take(option: "--role").map { text throws(UsageError) in
        guard let role = Role(rawValue: text) else {
          throw UsageError("--role: got '\(text)', expected member, moderator or admin")
        }
        return role
      }
      self = .create(
        NewMember(
          email: email, firstName: firstName, lastName: lastName, role: role,
          hasPassword: words.take(flag: "--password-stdin")))
    case "suspend":
      let until = try words.take(option: "--until").map { text throws(UsageError) in
        guard let until = Timestamp(text) else {
          throw UsageError("--until: got '\(text)', expected a time such as 2030-01-31T12:00:00Z")
        }
        return until
      }
      let reason = try words.take(option: "--reason") ?? "by the operator"
      self = .suspend(try Self.member(&words), until: until, reason: reason)
    case "restore": self = .restore(try Self.member(&words))
    case "provider":
      let member = try Self.member(&words)
      let text = try words.require("on or off")
      guard text == "on" || text == "off" else { throw UsageError("admin provider: got '\(text)', expected on or off") }
      self = .provider(member, isProvider: text == "on")
    default: throw UsageError("admin: got '\(name)', expected create, suspend, restore or provider")
    }
  }

  private static func email(_ text: String, as what: String) throws(UsageError) -> EmailAddress {
    guard let email = EmailAddress(text) else {
      throw UsageError("\(what): got '\(text)', expected an address such as name@example.org")
    }
    return email
  }

  private static func personName(_ option: String, _ words: inout Words) throws(UsageError) -> PersonName {
    let text = try words.require(option: option)
    do { return try PersonName(text) } catch { throw UsageError("\(option) \(error.detail)") }
  }

  private static func member(_ words: inout Words) throws(UsageError) -> MemberReference {
    let text = try words.require("a member's address or id")
    if let id = MemberID(text) { return .id(id) }
    return .email(try email(text, as: "a member"))
  }

  /// Does it, and returns the exit status.
  @Loop func run(_ folder: MeshFolder) async throws -> CInt {
    let services = try await ServiceClient(Reach(folder))
    do {
      Console.say(try await carryOut(services))
    } catch {
      await services.close()
      throw (error as? any Refusal).map { Failure($0.detail) } ?? error
    }
    await services.close()
    return ExitCode.done
  }

  /// Returns what was done, for the terminal.
  @Loop private func carryOut(_ services: ServiceClient) async throws -> String {
    switch self {
    case .create(let new): return try await Self.create(new, services)
    case .suspend(let reference, let until, let reason):
      if let until, until <= .now { throw Failure("--until: \(until) is over", exitCode: ExitCode.usage) }
      let member = try await Self.id(of: reference, services)
      _ = try await services.ask(SuspendMember(member: member, until: until, reason: reason))
      return "\(member) is shut out \(until.map { "until \($0); a ban stays as it was" } ?? "for good")"
    case .restore(let reference):
      let member = try await Self.id(of: reference, services)
      _ = try await services.ask(RestoreMember(member: member))
      return "\(member) is let in"
    case .provider(let reference, let isProvider):
      let member = try await Self.id(of: reference, services)
      _ = try await services.ask(AppointProvider(member: member, isProvider: isProvider))
      return "\(member) is \(isProvider ? "a" : "no") provider"
    }
  }

  @Loop private static func create(_ new: NewMember, _ services: ServiceClient) async throws -> String {
    // The endpoint gives its role to a member who is there: not by accident, and above all not a lower one.
    if new.role == nil, let found = try await find(new.email, services) {
      throw Failure("\(new.email) is a member already (\(found.role)); --role gives another role")
    }
    let password = new.hasPassword ? try readPassword() : try newPassword()
    let role = new.role ?? .member
    let reply = try await services.ask(
      AppointStaff(
        email: new.email, password: password, firstName: new.firstName, lastName: new.lastName, role: role))
    guard reply.isNew else { return "\(reply.member) is \(role) now; name and password stay" }
    return "\(reply.member) is \(role)" + (new.hasPassword ? "" : "\npassword: \(password.text)")
  }

  @Loop private static func find(_ email: EmailAddress, _ services: ServiceClient) async throws -> FindMember.Reply? {
    do { return try await services.ask(FindMember(email: email)) } catch StaffRefusal.notFound { return nil }
  }

  @Loop private static func id(of reference: MemberReference, _ services: ServiceClient) async throws -> MemberID {
    switch reference {
    case .id(let id): return id
    case .email(let email):
      guard let found = try await find(email, services) else { throw Failure("there is no member \(email)") }
      return found.member
    }
  }

  /// The first line of standard input; from a terminal, where it is not shown. Throws `Failure`.
  private static func readPassword() throws(Failure) -> NewPassword {
    let line = isatty(STDIN_FILENO) == 1 ? getpass("Password: ").map { String(cString: $0) } : readLine()
    guard let line else { throw Failure("standard input has no password", exitCode: ExitCode.usage) }
    do { return try NewPassword(line) } catch { throw Failure("the password \(error.detail)") }
  }

  /// A password that nobody has chosen: 117 bits, without characters that look alike.
  private static func newPassword() throws -> NewPassword {
    let characters = Array("abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789")
    var random = SystemRandomNumberGenerator()
    return try NewPassword(String((0..<20).map { _ in characters[Int.random(in: characters.indices, using: &random)] }))
  }
}
