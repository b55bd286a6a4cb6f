/// Why bytes from a peer are not the Kafka message they claim to be. The connection they came from cannot be
/// trusted to be in step any more: close it.
public struct KafkaDecodingError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What is wrong with the bytes.
  public enum Cause: Hashable, Sendable {
    /// A field reaches past the end of the frame.
    case truncated(needed: Int, left: Int)
    /// A length or count below −1 (−1 itself means null).
    case negativeLength(Int)
    /// Null where this version of the message allows none.
    case unexpectedNull
    /// More array elements than the rest of the frame could hold, or than `KafkaReader.maximumElements`.
    case tooManyElements(Int)
    /// A string that is not UTF-8.
    case invalidUTF8
    /// A variable-length integer beyond 32 bits.
    case varintTooLong
    /// Bytes after the last field.
    case trailingBytes(Int)
    /// A frame length that is negative or beyond the limit of the connection.
    case frameLength(Int, maximum: Int)
  }

  /// What is wrong with the bytes.
  public let cause: Cause
  /// Where, in bytes from the start of the frame (for a frame length: always 0).
  public let offset: Int

  /// An error at `offset` bytes into the frame.
  public init(_ cause: Cause, at offset: Int) {
    self.cause = cause
    self.offset = offset
  }

  /// One sentence for a log line.
  public var description: String {
    switch cause {
    case .truncated(let needed, let left):
      "malformed Kafka frame: the field at byte \(offset) needs \(needed) bytes and \(left) are left"
    case .negativeLength(let length):
      "malformed Kafka frame: the length at byte \(offset) is \(length)"
    case .unexpectedNull:
      "malformed Kafka frame: the field at byte \(offset) is null and must not be"
    case .tooManyElements(let count):
      "malformed Kafka frame: the array at byte \(offset) claims \(count) elements"
    case .invalidUTF8:
      "malformed Kafka frame: the string at byte \(offset) is not UTF-8"
    case .varintTooLong:
      "malformed Kafka frame: the variable-length integer at byte \(offset) does not fit 32 bits"
    case .trailingBytes(let count):
      "malformed Kafka frame: \(count) bytes follow the last field at byte \(offset)"
    case .frameLength(let length, let maximum):
      "not a Kafka frame: its length is \(length), allowed are 0 to \(maximum) bytes"
    }
  }
}
