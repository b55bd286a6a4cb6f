import Contract
import IdentityAPI
import Testing

@Suite struct NewPasswordTests {
  @Test func `a password has at least 10 characters and at most 1024 bytes`() throws {
    #expect(throws: InvalidValue("too_short", "must have at least 10 characters")) { try NewPassword("123456789") }
    #expect(throws: InvalidValue("too_short", "must have at least 10 characters")) {
      try NewPassword(String(repeating: "👩‍👩‍👧", count: 9))
    }
    #expect(try NewPassword("1234567890").text == "1234567890")
    #expect(try NewPassword(String(repeating: "x", count: 1024)).text.count == 1024)
    #expect(throws: InvalidValue("too_long", "must have at most 1024 bytes")) {
      try NewPassword(String(repeating: "x", count: 1025))
    }
  }

  @Test func `printing a password shows nothing`() throws {
    let password = try NewPassword("open sesame 42")
    var dumped = ""
    dump(password, to: &dumped)
    #expect("\(password)" == "<password>")
    #expect(!dumped.contains("sesame"))
  }
}
