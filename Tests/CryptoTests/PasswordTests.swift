import Foundation
import Testing

@testable import Crypto

private let cheap = Password.Cost(passes: 1, memory: 8_192)

@Suite struct PasswordTests {
  @Test(arguments: ["correct horse", "", "pässwörd 😀", String(repeating: "x", count: 1_024)])
  func `the right password verifies and a wrong one does not`(password: String) throws {
    let hash = try Password.hash(password, cost: cheap)
    #expect(hash.hasPrefix("$argon2id$v=19$m=8,t=1,p=1$"))
    #expect(Password.verify(password, against: hash))
    #expect(!Password.verify(password + "x", against: hash))
  }

  @Test func `each hash has a salt of its own`() throws {
    #expect(try Password.hash("p", cost: cheap) != Password.hash("p", cost: cheap))
  }

  @Test func `a password of over 1024 bytes is refused`() throws {
    let long = String(repeating: "x", count: 1_025)
    #expect(throws: PasswordError.tooLong) { try Password.hash(long, cost: cheap) }
    #expect(!Password.verify(long, against: try Password.hash("x", cost: cheap)))
  }

  @Test func `memory that cannot be had is an error, not a crash`() async {
    await #expect(processExitsWith: .success) {
      let pages = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")[0]
      let allowed = try #require(UInt(pages)) * UInt(sysconf(Int32(_SC_PAGESIZE))) + 1 << 30
      var limit = rlimit(rlim_cur: allowed, rlim_max: allowed)
      setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
      #expect(throws: PasswordError.outOfMemory(8 << 30)) {
        try Password.hash("p", cost: Password.Cost(passes: 1, memory: 8 << 30))
      }
    }
  }

  @Test func `a hash of the reference implementation verifies`() {
    let hash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
    #expect(Password.verify("password", against: hash))
    #expect(!Password.verify("passwort", against: hash))
  }

  @Test func `the cost for logins is 2 passes over 64 MiB`() throws {
    let hash = try Password.hash("p")
    #expect(hash.hasPrefix("$argon2id$v=19$m=65536,t=2,p=1$"))
    #expect(!Password.needsRehash(hash))
    #expect(Password.needsRehash(hash, cost: Password.Cost(passes: 3, memory: 64 << 20)))
    #expect(Password.needsRehash(try Password.hash("p", cost: cheap)))
  }

  /// From the test suite of crypt_blowfish 1.3.
  @Test(arguments: [
    ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
    ("U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
    ("U*U*U", "$2b$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"),
    ("U*U*U", "$2y$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"),
    ("", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy"),
  ])
  func `an imported bcrypt hash verifies and asks to be made anew`(password: String, hash: String) {
    #expect(Password.verify(password, against: hash))
    #expect(!Password.verify(password + "!", against: hash))
    #expect(Password.needsRehash(hash))
  }

  @Test func `bcrypt does not take a password cut at a zero byte`() {
    let hash = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
    #expect(!Password.verify("U*U\u{0}", against: hash))
  }

  @Test(arguments: [
    "", "$", "plain", "$argon2id$", "$argon2i$v=19$m=8,t=3,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
    "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    "$2a$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe", "$1$salt$qJH7.N4xYta3aEG/dfqo/0",
    "$argon2id$v=19$m=8,t=1,p=1$" + String(repeating: "A", count: 200), "*0",
  ])
  func `no password verifies against anything else`(hash: String) {
    for password in ["", "U*U", "password"] { #expect(!Password.verify(password, against: hash)) }
    #expect(Password.needsRehash(hash))
  }
}
