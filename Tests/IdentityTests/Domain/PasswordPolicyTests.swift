import Contract
import IdentityAPI
import Testing

@testable import Identity

@Suite struct PasswordPolicyTests {
  let policy = PasswordPolicy(commonWords: "password\nsecret\nwelcome\nmonkey\ndragon\nqwerty\n")
  let email = EmailAddress("lovelace@example.org")!

  private func weakness(_ password: String, _ email: EmailAddress?) throws -> PasswordPolicy.Weakness? {
    do throws(PasswordPolicy.Weakness) {
      try policy.check(try! NewPassword(password), for: email)
      return nil
    } catch { return error }
  }

  @Test(arguments: [
    "correct battery horse", "tr0ub4dor&3 xkcd", "9fK2 lq Zz81", "Zwölf Boxkämpfer", "кот на крыше",
    "monkey & the moon",
    "dragonfly over water",
  ])
  func `a password that few would think of is accepted`(password: String) throws {
    #expect(try weakness(password, email) == nil)
  }

  @Test(
    arguments: [
      ("Password123", .common), ("password!!!2024", .common), ("P@ssw0rd2024", .common), ("123password", .common),
      ("p-a-s-s-w-o-r-d", .common), ("passwordpassword", .common), ("SecretPassword1", .common),
      ("WelcomeDragonMonkey", .common), ("$3cr3tM0nk3y", .common),
      ("aaaaaaaaaaaa", .pattern), ("abababababab", .pattern), ("1234567890", .pattern), ("0987654321", .pattern),
      ("abcdefghijklm", .pattern), ("qwertyuiop", .pattern), ("poiuytrewq", .pattern), ("asdfghjklqwerty", .pattern),
      ("lovelace1815", .containsAddress), ("MyNameIsLovelace", .containsAddress),
      ("lovelace@example.org", .containsAddress),
    ] as [(String, PasswordPolicy.Weakness)])
  func `a password that is easy to guess is refused`(password: String, expected: PasswordPolicy.Weakness) throws {
    #expect(try weakness(password, email) == expected)
  }

  @Test func `without an address nothing is held against it`() throws {
    #expect(try weakness("MyNameIsLovelace", nil) == nil)
  }

  @Test func `a short name in the address is chance`() throws {
    #expect(try weakness("the annals of time", EmailAddress("ann@example.org")) == nil)
  }

  @Test func `the longest password is judged too`() throws {
    #expect(try weakness(String(repeating: "password", count: 128), email) == .common)
  }

  @Test func `a weakness is a problem of the field`() {
    let problem = PasswordPolicy.Weakness.common.problem
    #expect(problem.status == 422)
    #expect(problem.errors?.map(\.pointer) == ["/password"])
    #expect(problem.errors?.map(\.code) == ["too_common"])
  }
}
