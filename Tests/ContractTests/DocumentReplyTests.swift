import Contract
import Testing

@Suite struct DocumentReplyTests {
  private func disposition(_ name: String) -> String? {
    Document([], fileName: name).headers.first { $0.name == .contentDisposition }?.value
  }

  @Test func `a name is given in ASCII and whole`() {
    #expect(
      disposition("Übung 1.ics") == #"attachment; filename="__bung 1.ics"; filename*=UTF-8''%C3%9Cbung%201.ics"#)
  }

  @Test func `a name cannot leave its quotes`() {
    #expect(
      disposition("a\"\r\nb\\") == #"attachment; filename="a___b_"; filename*=UTF-8''a%22%0D%0Ab%5C"#)
  }

  @Test func `what is not said is no header`() {
    #expect(Document([1]).headers == [])
    #expect(
      Document([1], cacheControl: "public", entityTag: "\"1\"").headers == [
        ReplyHeader(.cacheControl, "public"), ReplyHeader(.entityTag, "\"1\""),
      ])
  }
}
