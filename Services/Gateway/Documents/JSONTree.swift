import Wire

/// A JSON value that is put together piece by piece, its members in the order in which they are given.
indirect enum JSONTree: Sendable, Equatable {
  case null
  case boolean(Bool)
  case integer(Int)
  case number(Double)
  case string(String)
  case array([JSONTree])
  case object([Member])
  /// What is JSON already.
  case encoded([UInt8])

  /// One member of an object.
  struct Member: Sendable, Equatable {
    let name: String
    let value: JSONTree
  }

  /// An object with these members.
  static func object(_ members: [(String, JSONTree)]) -> JSONTree {
    .object(members.map { Member(name: $0.0, value: $0.1) })
  }

  /// The value as UTF-8 text without white space.
  var bytes: [UInt8] {
    var output: [UInt8] = []
    output.reserveCapacity(256)
    write(to: &output)
    return output
  }

  private func write(to output: inout [UInt8]) {
    switch self {
    case .null: output += "null".utf8
    case .boolean(let flag): output += (flag ? "true" : "false").utf8
    case .integer(let number): output += String(number).utf8
    case .number(let number): output += String(number).utf8
    case .string(let text): JSONQuoting.append(text, to: &output)
    case .encoded(let bytes): output += bytes
    case .array(let elements):
      output.append(UInt8(ascii: "["))
      for (index, element) in elements.enumerated() {
        if index > 0 { output.append(UInt8(ascii: ",")) }
        element.write(to: &output)
      }
      output.append(UInt8(ascii: "]"))
    case .object(let members):
      output.append(UInt8(ascii: "{"))
      for (index, member) in members.enumerated() {
        if index > 0 { output.append(UInt8(ascii: ",")) }
        JSONQuoting.append(member.name, to: &output)
        output.append(UInt8(ascii: ":"))
        member.value.write(to: &output)
      }
      output.append(UInt8(ascii: "}"))
    }
  }
}
