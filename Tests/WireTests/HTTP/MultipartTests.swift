import Testing

@testable import Wire

@Suite struct MultipartTests {
  private static let type = "multipart/form-data; boundary=\"a b\""

  /// What a form says when it arrives in pieces of `size` bytes; bytes of one part are put together.
  private func read(_ form: String, by size: Int, _ type: String = type) throws(MultipartMachine.Failure) -> [String] {
    var machine = try MultipartMachine(mediaType: type)
    var said: [String] = []
    var content: [UInt8] = []
    var rest = Array(form.utf8)[...]
    while !rest.isEmpty {
      for event in try machine.append(Array(rest.prefix(size))) {
        switch event {
        case .part(let part): said.append("\(part.name) \(part.fileName ?? "-") \(part.mediaType ?? "-")")
        case .bytes(let bytes): content += bytes
        case .end:
          said.append(String(decoding: content, as: UTF8.self))
          content = []
        }
      }
      rest = rest.dropFirst(size)
    }
    try machine.finish()
    return said
  }

  @Test func `a form is the same however it is cut`() throws {
    let form =
      "ignored\r\n--a b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1\r\n--a b  \r\n"
      + "content-type: image/png\r\ncontent-disposition: form-data; name=file; filename=\"a/b\\\"c.png\"; other=1\r\n\r\n"
      + "\r\n--a \r\n--a\r\n\r\n\r\n--a b\r\nContent-Disposition: form-data; name=\"\"\r\n\r\n\r\n--a b--ignored\r\n"
    let expected = ["x - -", "1", "file b\"c.png image/png", "\r\n--a \r\n--a\r\n\r\n", " - -", ""]
    for size in [1, 2, 3, 5, 7, 16, 64, 1000] { #expect(try read(form, by: size) == expected, "\(size)") }
  }

  @Test func `the first boundary may come at once, and lines end as they must`() throws {
    let head = "Content-Disposition: form-data; name=\"x\""
    #expect(try read("--a b\r\n\(head)\r\n\r\n1\r\n--a b--", by: 4) == ["x - -", "1"])
    for form in ["--a b\n\(head)\r\n\r\n1\r\n--a b--", "--a bc\r\n\(head)\r\n\r\n1\r\n--a b--"] {
      #expect(throws: MultipartMachine.Failure.malformedPart) { try read(form, by: 4) }
    }
  }

  @Test(arguments: [
    "--a b", "--a b\r\n", "--a b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1\r\n--a", "", "x",
  ])
  func `a form that is cut off is no form`(_ form: String) {
    #expect(throws: MultipartMachine.Failure.cutOff) { try read(form, by: 3) }
  }

  @Test(arguments: [
    "", "Content-Disposition: form-data", "Content-Disposition: attachment; name=\"x\"", "Content-Type: a/b",
    "nonsense",
    "Content-Disposition: form-data; name=\"x\"\r\nContent-Disposition: form-data; name=\"y\"",
  ])
  func `a part without its name is refused`(_ head: String) {
    #expect(throws: MultipartMachine.Failure.malformedPart) { try read("--a b\r\n\(head)\r\n\r\n\r\n--a b--", by: 8) }
  }

  @Test func `heads and parts have bounds`() {
    let part = "--a b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n\r\n"
    #expect(throws: MultipartMachine.Failure.tooManyParts) {
      try read(String(repeating: part, count: 33) + "--a b--", by: 100)
    }
    let long = "--a b\r\nX: \(String(repeating: "x", count: 9000))"
    #expect(throws: MultipartMachine.Failure.tooManyParts) { try read(long, by: 100) }
  }

  @Test(arguments: [
    "multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\"a \"",
    "multipart/form-data; boundary=\(String(repeating: "x", count: 71))", "multipart/form-data; boundary=ä",
  ])
  func `a form needs a boundary`(_ type: String) {
    #expect(throws: MultipartMachine.Failure.noBoundary) { try MultipartMachine(mediaType: type) }
  }
}
