import Contract
import IdentityAPI
import Testing

@Suite struct EmailAddressTests {
  @Test(arguments: [
    ("ada@example.org", "ada@example.org"), ("  Ada.Lovelace@Example.ORG ", "ada.lovelace@example.org"),
    ("a+b_c'd@x.co", "a+b_c'd@x.co"), ("x@a-b.c1.example", "x@a-b.c1.example"),
    (String(repeating: "l", count: 64) + "@example.org", String(repeating: "l", count: 64) + "@example.org"),
  ])
  func `an address is kept in one form`(text: String, kept: String) { #expect(EmailAddress(text)?.text == kept) }

  @Test(arguments: [
    "", " ", "@", "ada", "ada@", "@example.org", "ada@example", "ada@@example.org", "a@b@example.org",
    ".ada@example.org", "ada.@example.org", "a..b@example.org", "a b@example.org", "ada@-example.org",
    "ada@example-.org", "ada@exa mple.org", "ada@example..org", "ada@example.org.", "ada@127.0.0.1", "ada@[127.0.0.1]",
    "\"ada\"@example.org", "ada@exam_ple.org", "ädä@example.org", "ada@exämple.org", "a\u{0}@example.org",
    "a\r\nb@example.org", "ada\n@example.org", String(repeating: "l", count: 65) + "@example.org",
    "ada@" + String(repeating: "d", count: 64) + ".org",
    "ada@" + Array(repeating: String(repeating: "d", count: 60), count: 5).joined(separator: ".") + ".org",
    String(repeating: " ", count: 600) + "ada@example.org",
  ])
  func `what is no address is refused`(text: String) { #expect(EmailAddress(text) == nil) }

  @Test func `its schema and its sample agree`() throws {
    #expect(try Schema(of: EmailAddress.self) == .string(length: 3...254, format: "email"))
    #expect(EmailAddress.sample.localPart == "nobody")
  }
}
