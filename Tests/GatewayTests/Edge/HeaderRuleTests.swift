import Contract
import Testing

@testable import Gateway

@Suite struct HeaderRuleTests {
  @Test(arguments: [
    "application/json", "Application/JSON", "application/json; charset=utf-8", "application/json;charset=UTF-8",
    "application/json ; charset=\"utf-8\"", "application/problem+json", "application/merge-patch+json",
    "application/json; profile=x",
  ])
  func `JSON in UTF-8 is accepted under its names`(_ type: String) { #expect(BodyCheck.isJSON(type)) }

  @Test(arguments: [
    "", "text/plain", "text/json", "application/jsonp", "application/json; charset=latin-1", "multipart/form-data",
    "application/x-www-form-urlencoded", "application/", "json", "application/json, text/plain", "text/x+json",
  ])
  func `anything else is not JSON`(_ type: String) { #expect(!BodyCheck.isJSON(type)) }

  @Test func `malformed JSON is refused with its position`() {
    let failure = #expect(throws: Rejection.self) { try BodyCheck.check(Array(#"{"a": tru}"#.utf8)) }
    #expect(failure?.problem.status == 400)
    #expect(failure?.problem.code == "malformed_json")
    #expect(failure?.problem.detail == "The body is not valid JSON at byte 9: a byte that cannot stand here.")
  }

  @Test func `bytes that are not UTF-8 are refused under their own code`() {
    let failure = #expect(throws: Rejection.self) { try BodyCheck.check([0x22, 0xc3, 0x28, 0x22]) }
    #expect(failure?.problem.code == "invalid_utf8")
    #expect(failure?.problem.status == 400)
  }

  @Test func `an empty body is as good as an empty object`() {
    #expect(throws: Never.self) { try BodyCheck.check([]) }
  }

  @Test(arguments: ["https://app.example", "http://localhost:3000", "HTTPS://App.Example", "http://[::1]:8080"])
  func `an origin is scheme, host and port`(_ text: String) {
    #expect(WebOrigin(option: text)?.text == text.lowercased())
  }

  @Test(arguments: [
    "*", "app.example", "https://app.example/", "https://", "ftp://x", "https://a@b", "null", "https://a,b",
  ])
  func `what is no origin is refused`(_ text: String) { #expect(WebOrigin(option: text) == nil) }

  @Test func `only the listed origins are allowed`() {
    let rule = CrossOrigin([WebOrigin(option: "https://app.example")!])
    #expect(rule.allows("https://app.example"))
    #expect(!rule.allows("https://app.example.evil"))
    #expect(!rule.allows("http://app.example"))
    #expect(!rule.allows("null"))
    #expect(rule.isActive)
    #expect(!CrossOrigin([]).isActive)
  }

  @Test func `a problem is written without what it does not say`() {
    var problem = Problem(409, "busy", "Say \"when\".\n")
    #expect(
      String(decoding: ProblemDocument.bytes(problem), as: UTF8.self)
        == #"{"type":"about:blank","title":"Conflict","status":409,"detail":"Say \"when\".\n","code":"busy"}"#)
    problem.instance = "/x"
    problem.requestId = "r"
    problem.errors = [.init(pointer: "/a", code: "required", detail: "must be given")]
    #expect(
      String(decoding: ProblemDocument.bytes(problem), as: UTF8.self).hasSuffix(
        #""code":"busy","instance":"/x","requestId":"r","errors":[{"pointer":"/a","code":"required","detail":"must be given"}]}"#
      ))
  }
}
