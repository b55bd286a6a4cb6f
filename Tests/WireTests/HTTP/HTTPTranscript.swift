import Wire

/// What a connection's bytes were understood as: one line a request, then how it went on.
func understood(_ bytes: [UInt8], cutInto size: Int? = nil, bodyLimit: Int = 1 << 20) -> [String] {
  var machine = HTTPRequestMachine(bodyLimit: bodyLimit)
  var lines: [String] = []
  var head: HTTPRequestHead?
  var body: [UInt8] = []
  var pending: [UInt8] = []

  func run() -> Bool {
    pending.withUnsafeBytes { whole in
      var input = whole
      defer { pending.removeFirst(whole.count - input.count) }
      do throws(HTTPRefusal) {
        while true {
          guard let part = try machine.next(&input) else { return true }
          switch part {
          case .head(let next): (head, body) = (next, [])
          case .body(let bytes): body += bytes
          case .end:
            lines.append("\(head!.method.rawValue) \(head!.rawTarget) [\(String(decoding: body, as: UTF8.self))]")
            if !head!.framing.keepsAlive { lines.append("last") }
            head = nil
            machine.nextRequest()
          }
        }
      } catch {
        lines.append("\(error.status) \(error.rawValue)")
        return false
      }
    }
  }

  var start = 0
  let size = size ?? max(bytes.count, 1)
  while start < bytes.count {
    pending += bytes[start..<min(start + size, bytes.count)]
    start += size
    guard run() else { return lines }
  }
  if machine.isInHead { lines.append("head open") } else if !machine.isIdle { lines.append("body open") }
  return lines
}

/// The same for text, and checks that it makes no difference how the bytes arrive.
func understood(_ text: String, bodyLimit: Int = 1 << 20) -> [String] {
  let bytes = Array(text.utf8)
  let whole = understood(bytes, bodyLimit: bodyLimit)
  for size in [1, 2, 3, 7] {
    let cut = understood(bytes, cutInto: size, bodyLimit: bodyLimit)
    precondition(cut == whole, "in pieces of \(size): \(cut), whole: \(whole)")
  }
  return whole
}

/// The head of a request that must be accepted.
func head(_ text: String) throws -> HTTPRequestHead {
  var machine = HTTPRequestMachine()
  return try Array(text.utf8).withUnsafeBytes { bytes in
    var input = bytes
    guard case .head(let head) = try machine.next(&input) else { fatalError("no whole head in \(text)") }
    return head
  }
}

/// What the next part is, in words; a shorthand for tests that look at single steps.
func step(_ machine: inout HTTPRequestMachine, _ text: String) throws -> (part: String, left: String) {
  try Array(text.utf8).withUnsafeBytes { bytes in
    var input = bytes
    let part =
      switch try machine.next(&input) {
      case .head: "head"
      case .body(let body): "body \(String(decoding: body, as: UTF8.self))"
      case .end: "end"
      case nil: "more"
      }
    return (part, String(decoding: input, as: UTF8.self))
  }
}
