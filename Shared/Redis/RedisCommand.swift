/// A command with its arguments.
///
/// It is written as one would type it: spaces separate arguments. What is interpolated is part of the argument in which
/// it stands, whatever bytes it has, and an array becomes one argument for each element:
///
///     let store: RedisCommand = "SET session:\(id) \(body) EX 30"
///     let remove: RedisCommand = "DEL \(keys)"
///
/// There are no quotes: an argument with spaces in it is interpolated.
public struct RedisCommand: ExpressibleByStringInterpolation, Sendable {
  /// The arguments, one after another.
  private(set) var bytes: [UInt8] = []
  /// Where each argument ends.
  private(set) var ends: [Int] = []
  private var isInArgument = false

  /// A command without interpolation.
  public init(stringLiteral text: String) {
    append(literal: text)
    endArgument()
  }

  /// A command with interpolated arguments.
  public init(stringInterpolation: StringInterpolation) {
    self = stringInterpolation.command
    endArgument()
  }

  /// The first argument.
  var name: String { String(decoding: bytes[..<(ends.first ?? 0)], as: UTF8.self) }

  /// The arguments of both, one after the other.
  public static func + (left: RedisCommand, right: RedisCommand) -> RedisCommand {
    var joined = left
    let offset = joined.bytes.count
    joined.bytes += right.bytes
    joined.ends += right.ends.map { $0 + offset }
    return joined
  }

  /// Adds an argument, whose bytes `write` appends: for commands with very many.
  public mutating func appendArgument(_ write: (inout [UInt8]) -> Void) {
    write(&bytes)
    ends.append(bytes.count)
  }

  fileprivate mutating func append(literal: String) {
    for byte in literal.utf8 {
      if byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\n") {
        endArgument()
      } else {
        bytes.append(byte)
        isInArgument = true
      }
    }
  }

  fileprivate mutating func append(_ more: some Sequence<UInt8>) {
    bytes.append(contentsOf: more)
    isInArgument = true
  }

  fileprivate mutating func endArgument() {
    if isInArgument { ends.append(bytes.count) }
    isInArgument = false
  }

  /// Writes the command as Redis reads it: an array of strings, each with its length (RESP2).
  func write(into output: inout [UInt8]) {
    output.append(UInt8(ascii: "*"))
    output.append(contentsOf: String(ends.count).utf8)
    output.append(contentsOf: [13, 10])
    var start = 0
    for end in ends {
      output.append(UInt8(ascii: "$"))
      output.append(contentsOf: String(end - start).utf8)
      output.append(contentsOf: [13, 10])
      output.append(contentsOf: bytes[start..<end])
      output.append(contentsOf: [13, 10])
      start = end
    }
  }

  /// Collects the literal parts and the arguments.
  public struct StringInterpolation: StringInterpolationProtocol {
    fileprivate var command = RedisCommand(stringLiteral: "")

    /// Prepares for a command of about this size.
    public init(literalCapacity: Int, interpolationCount: Int) {
      command.bytes.reserveCapacity(literalCapacity + 16 * interpolationCount)
      command.ends.reserveCapacity(interpolationCount + 4)
    }

    /// Adds words.
    public mutating func appendLiteral(_ literal: String) { command.append(literal: literal) }

    /// Adds text.
    public mutating func appendInterpolation(_ text: some StringProtocol) { command.append(text.utf8) }

    /// Adds bytes.
    public mutating func appendInterpolation(_ bytes: [UInt8]) { command.append(bytes) }

    /// Adds a whole number.
    public mutating func appendInterpolation(_ number: some BinaryInteger) { command.append(String(number).utf8) }

    /// Adds a number; infinities in Redis's spelling (`inf`, `-inf`).
    public mutating func appendInterpolation(_ number: Double) { command.append(String(number).utf8) }

    /// Adds each text as an argument of its own.
    public mutating func appendInterpolation(_ texts: some Sequence<String>) {
      for text in texts {
        command.append(text.utf8)
        command.endArgument()
      }
    }

    /// Adds each string of bytes as an argument of its own.
    public mutating func appendInterpolation(_ strings: some Sequence<[UInt8]>) {
      for string in strings {
        command.append(string)
        command.endArgument()
      }
    }
  }
}
