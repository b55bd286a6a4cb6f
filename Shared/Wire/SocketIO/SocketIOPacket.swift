/// Why a message from a client is not Socket.IO as it is spoken here.
public enum SocketIOError: Error, Hashable, Sendable, CustomStringConvertible {
  case emptyPacket
  case unknownType
  /// Binary events and acknowledgements are not taken.
  case binary
  /// Only servers send it.
  case notForServers
  case namespaceTooLong
  /// An acknowledgement number of more than 15 digits, none where one is needed, or one where none may be.
  case badNumber
  /// Something other than what the type calls for follows, or nothing where something is needed.
  case badData
  case invalidJSON(JSONError)
  /// An event without a name, with an overlong one, or with one that libraries use for themselves.
  case badEventName

  /// One line, for people.
  public var description: String {
    switch self {
    case .emptyPacket: "a packet without a type"
    case .unknownType: "a packet of an unknown type"
    case .binary: "binary data is not taken here"
    case .notForServers: "a packet that only servers send"
    case .namespaceTooLong: "a namespace of more than \(SocketIOPacket.nameLimit) bytes"
    case .badNumber: "an acknowledgement number that is missing, out of place or too long"
    case .badData: "data of another form than the packet's type calls for"
    case .invalidJSON(let error): "\(error)"
    case .badEventName: "an event's name must be a text of 1 to \(SocketIOPacket.nameLimit) bytes that is not reserved"
    }
  }
}

/// One packet of Socket.IO 5 as a client sends it, in a message of Engine.IO.
///
///     <type>[<namespace>,][<number>][<JSON>]        2/chat,12["say","hello"]
public enum SocketIOPacket: Sendable {
  /// The client wants to join a namespace; `auth` is an object, if there is one.
  case connect(namespace: String, auth: JSONValue?)
  /// The client leaves a namespace.
  case disconnect(namespace: String)
  /// Something happened there. With a number, the client waits for an acknowledgement.
  case event(SocketIOEvent)
  /// Answers an event of ours.
  case ack(namespace: String, number: UInt64, arguments: [JSONValue])

  /// How long namespaces and events' names may be, in bytes.
  public static let nameLimit = 128

  /// Names of events that client libraries raise themselves.
  private static let reserved: Set<String> = [
    "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener",
  ]

  /// Reads the data of an Engine.IO message. Throws what is wrong with it.
  public init(_ message: ArraySlice<UInt8>) throws(SocketIOError) {
    guard let type = message.first else { throw .emptyPacket }
    switch type {
    case UInt8(ascii: "0"), UInt8(ascii: "1"), UInt8(ascii: "2"), UInt8(ascii: "3"): break
    case UInt8(ascii: "4"): throw .notForServers
    case UInt8(ascii: "5"), UInt8(ascii: "6"): throw .binary
    default: throw .unknownType
    }
    var rest = message.dropFirst()
    let namespace = try Self.takeNamespace(from: &rest)
    let number = try Self.takeNumber(from: &rest)
    let value = rest.isEmpty ? nil : try Self.json(rest)
    switch type {
    case UInt8(ascii: "0"):
      guard number == nil else { throw .badNumber }
      guard value == nil || value?.kind == .object else { throw .badData }
      self = .connect(namespace: namespace, auth: value)
    case UInt8(ascii: "1"):
      guard number == nil else { throw .badNumber }
      guard value == nil else { throw .badData }
      self = .disconnect(namespace: namespace)
    case UInt8(ascii: "2"):
      guard let value, value.kind == .array, value.count > 0 else { throw .badData }
      self = .event(try Self.event(Array(value.elements), namespace, number))
    default:
      guard let number else { throw .badNumber }
      guard let value, value.kind == .array else { throw .badData }
      self = .ack(namespace: namespace, number: number, arguments: Array(value.elements))
    }
  }

  private static func takeNamespace(from rest: inout ArraySlice<UInt8>) throws(SocketIOError) -> String {
    guard rest.first == UInt8(ascii: "/") else { return "/" }
    let end = rest.firstIndex(of: UInt8(ascii: ",")) ?? rest.endIndex
    guard end - rest.startIndex <= nameLimit else { throw .namespaceTooLong }
    let name = String(decoding: rest[..<end], as: UTF8.self)
    rest = rest[end...].dropFirst()
    return name
  }

  private static func takeNumber(from rest: inout ArraySlice<UInt8>) throws(SocketIOError) -> UInt64? {
    let digits = rest.prefix { $0.isDigit }
    guard !digits.isEmpty else { return nil }
    guard digits.count <= 15 else { throw .badNumber }
    rest = rest[digits.endIndex...]
    return digits.reduce(0) { $0 * 10 + UInt64($1 - UInt8(ascii: "0")) }
  }

  private static func json(_ bytes: ArraySlice<UInt8>) throws(SocketIOError) -> JSONValue {
    do throws(JSONError) {
      return try JSONValue.parse(Array(bytes))
    } catch {
      throw .invalidJSON(error)
    }
  }

  private static func event(
    _ elements: [JSONValue], _ namespace: String, _ number: UInt64?
  ) throws(SocketIOError) -> SocketIOEvent {
    guard let name = elements[0].string, 1...nameLimit ~= name.utf8.count, !reserved.contains(name) else {
      throw .badEventName
    }
    return SocketIOEvent(
      namespace: namespace, name: name, arguments: Array(elements.dropFirst()), number: number)
  }
}

/// What a client says happened.
public struct SocketIOEvent: Sendable {
  /// Where.
  public let namespace: String
  /// What.
  public let name: String
  /// What comes with it.
  public let arguments: [JSONValue]
  /// What the client's acknowledgement is to be called, if it waits for one.
  public let number: UInt64?
}
