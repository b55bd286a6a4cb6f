public import Contract

/// What travels with a question in clear: who asks what, on whose behalf, until when.
///
/// It is the associated data of the sealed body, so it is authentic when the body opens: nobody without the key between
/// asker and service can make one, change one, or put another body under it.
public struct Passport: Hashable, Sendable {
  /// The endpoint's name.
  public var endpoint: String
  /// The identifier under which logs know the request; it stays the same when the question is sent again.
  public var request: UniqueID
  /// After this nobody waits for the answer any more.
  public var deadline: Timestamp
  /// Who asks.
  public var caller: Caller
  /// The values of the route's path.
  public var path: PathValues
  /// Requests of one caller with the same key are one request.
  public var idempotencyKey: String
  /// Whether the client chose the key, so that a second copy comes from it and must not wait for the first.
  public var isKeyFromClient: Bool
  /// What the gateway knows about the client; nil when a service asks on its own account.
  public var client: ClientDetails?
  /// Where the file is that came with the request. It is no part of what the client has sent: the same file sent again
  /// lies elsewhere.
  public var object: ObjectKey?

  /// Describes a question. Without a key the request's own identifier is the key.
  public init(
    endpoint: String, request: UniqueID, deadline: Timestamp, caller: Caller, path: PathValues = [:],
    idempotencyKey: String? = nil, client: ClientDetails? = nil, object: ObjectKey? = nil
  ) {
    (self.endpoint, self.request, self.deadline, self.caller) = (endpoint, request, deadline, caller)
    (self.path, self.client, self.object) = (path, client, object)
    self.idempotencyKey = idempotencyKey ?? request.description
    isKeyFromClient = idempotencyKey != nil
  }

  private static let version: UInt8 = 1

  /// The bytes that travel. Each passport has exactly one form.
  var bytes: [UInt8] {
    var writer = EnvelopeWriter()
    writer.write(Self.version)
    writer.write(endpoint)
    writer.write(request)
    writer.write(deadline.microseconds)
    switch caller {
    case .anyone: writer.write(UInt8(0))
    case .member(let member, let role, let session):
      writer.write(UInt8(1))
      writer.write(member.value)
      writer.write(role.rawValue)
      writer.write(session.value)
    case .service(let name, nil):
      writer.write(UInt8(2))
      writer.write(name)
    case .service(let name, let member?):
      writer.write(UInt8(3))
      writer.write(name)
      writer.write(member.value)
    }
    writer.write(UInt8(clamping: path.pairs.count))
    for (name, value) in path.pairs.prefix(255) {
      writer.write(name)
      writer.write(value)
    }
    writer.write(UInt8(isKeyFromClient ? 1 : 0))
    writer.write(idempotencyKey)
    writer.write(UInt8(client == nil ? 0 : client?.ifMatch == nil ? 1 : 2))
    if let client {
      writer.write(client.address)
      writer.write(client.userAgent)
      if let ifMatch = client.ifMatch { writer.write(ifMatch) }
    }
    if let object { writer.write(object.text) }
    return writer.bytes
  }

  /// Reads what travelled; nil for anything that this version does not write.
  init?(_ bytes: [UInt8]) {
    var reader = EnvelopeReader(bytes)
    guard reader.byte() == Self.version, let endpoint = reader.string(), let request = reader.id(),
      let deadline = reader.number(Int64.self), let caller = Self.caller(&reader), let count = reader.byte()
    else { return nil }
    var pairs: [(name: String, value: String)] = []
    for _ in 0..<count {
      guard let name = reader.string(), let value = reader.string() else { return nil }
      pairs.append((name, value))
    }
    guard let origin = reader.byte(), origin <= 1, let key = reader.string(), let details = reader.byte(), details <= 2
    else { return nil }
    if details > 0 {
      guard let address = reader.string(), let userAgent = reader.string() else { return nil }
      let ifMatch = details == 2 ? reader.string() : nil
      guard details == 1 || ifMatch != nil else { return nil }
      client = ClientDetails(address: address, userAgent: userAgent, ifMatch: ifMatch)
    }
    if !reader.isAtEnd {
      guard let object = reader.string().flatMap({ ObjectKey($0) }) else { return nil }
      self.object = object
    }
    guard reader.isAtEnd else { return nil }
    (self.endpoint, self.request, self.caller) = (endpoint, request, caller)
    self.deadline = Timestamp(microseconds: deadline)
    path = PathValues(pairs)
    (isKeyFromClient, idempotencyKey) = (origin == 1, key)
  }

  private static func caller(_ reader: inout EnvelopeReader) -> Caller? {
    switch reader.byte() {
    case 0: return .anyone
    case 1:
      guard let member = reader.id(), let role = reader.string().flatMap(Role.init), let session = reader.id() else {
        return nil
      }
      return .member(ID(member), role: role, session: ID(session))
    case 2: return reader.string().map { .service($0, member: nil) }
    case 3:
      guard let name = reader.string(), let member = reader.id() else { return nil }
      return .service(name, member: ID(member))
    default: return nil
    }
  }

  /// The service that says it asks; nil for the gateway.
  var asker: String? {
    if case .service(let name, _) = caller { name } else { nil }
  }
}

/// What the gateway knows about a client beside who it is.
public struct ClientDetails: Hashable, Sendable {
  /// Its network address, without a port.
  public var address: String
  /// What its software calls itself; empty when it says nothing.
  public var userAgent: String
  /// The version that it wants to change (`If-Match`), as it was sent.
  public var ifMatch: String?

  /// Describes a client.
  public init(address: String, userAgent: String = "", ifMatch: String? = nil) {
    (self.address, self.userAgent, self.ifMatch) = (address, userAgent, ifMatch)
  }
}

/// Where an answer goes, and which question it belongs to.
struct ReplyAddress: Hashable, Sendable {
  /// The partition of the replies' topic that the asker reads.
  var partition: Int32
  /// The asking process: 128 random bits, new at each start, so that nobody takes another's answers for its own.
  var incarnation: UniqueID
  /// The question, within the asking process.
  var number: UInt64
  /// Whether this is the second copy of a question that was not answered fast.
  var isHedge = false

  var bytes: [UInt8] {
    var writer = EnvelopeWriter()
    writer.write(partition)
    writer.write(incarnation)
    writer.write(number)
    writer.write(UInt8(isHedge ? 1 : 0))
    return writer.bytes
  }

  init(partition: Int32, incarnation: UniqueID, number: UInt64, isHedge: Bool = false) {
    (self.partition, self.incarnation, self.number, self.isHedge) = (partition, incarnation, number, isHedge)
  }

  init?(_ bytes: [UInt8]) {
    var reader = EnvelopeReader(bytes)
    guard let partition = reader.number(Int32.self), let incarnation = reader.id(),
      let number = reader.number(UInt64.self), let hedge = reader.byte(), hedge <= 1, reader.isAtEnd
    else { return nil }
    self.init(partition: partition, incarnation: incarnation, number: number, isHedge: hedge == 1)
  }
}

/// What a service says to a question.
public struct Answer: Hashable, Sendable {
  /// How it was meant.
  public enum Kind: UInt8, Sendable {
    /// What was asked for.
    case reply = 0
    /// A problem that belongs to the domain or to the request; asking again changes nothing.
    case problem = 1
    /// This replica does not know the endpoint; another one may.
    case unknownEndpoint = 2
    /// This replica could not do it now: nothing took effect, asking again may help.
    case failure = 3
  }

  /// How it was meant.
  public var kind: Kind
  /// The HTTP status.
  public var status: Int
  /// JSON: the reply, or a `Problem`. Empty for 204 and for an unknown endpoint.
  public var body: [UInt8]
  /// What the client's software is told beside.
  public var headers: [ReplyHeader]

  /// Makes an answer.
  public init(_ kind: Kind, status: Int, body: [UInt8], headers: [ReplyHeader] = []) {
    (self.kind, self.status, self.body, self.headers) = (kind, status, body, headers)
  }

  /// Headers and body, as they lie under the seal.
  var content: [UInt8] {
    var writer = EnvelopeWriter()
    writer.write(UInt8(clamping: headers.count))
    for header in headers.prefix(255) {
      writer.write(header.name.rawValue)
      writer.write(header.value)
    }
    return writer.bytes + body
  }

  /// Takes apart what lay under the seal; nil for anything that this version does not write.
  init?(_ kind: Kind, status: Int, content: [UInt8]) {
    var reader = EnvelopeReader(content)
    guard let count = reader.byte() else { return nil }
    var headers: [ReplyHeader] = []
    for _ in 0..<count {
      guard let name = reader.byte().flatMap(ReplyHeader.Name.init), let value = reader.string() else { return nil }
      headers.append(ReplyHeader(name, value))
    }
    self.init(kind, status: status, body: reader.rest, headers: headers)
  }
}

/// The head of an answer on its way back: the associated data of the sealed body.
struct ReplyHead: Hashable, Sendable {
  var incarnation: UniqueID
  var number: UInt64
  var kind: Answer.Kind
  var status: UInt16

  var bytes: [UInt8] {
    var writer = EnvelopeWriter()
    writer.write(incarnation)
    writer.write(number)
    writer.write(kind.rawValue)
    writer.write(status)
    return writer.bytes
  }

  init(to address: ReplyAddress, _ answer: Answer) {
    (incarnation, number, kind) = (address.incarnation, address.number, answer.kind)
    status = UInt16(clamping: answer.status)
  }

  init?(_ bytes: [UInt8]) {
    var reader = EnvelopeReader(bytes)
    guard let incarnation = reader.id(), let number = reader.number(UInt64.self),
      let kind = reader.byte().flatMap(Answer.Kind.init), let status = reader.number(UInt16.self), reader.isAtEnd
    else { return nil }
    (self.incarnation, self.number, self.kind, self.status) = (incarnation, number, kind, status)
  }
}

/// Writes envelopes: numbers in network order, text in UTF-8 after its length in two bytes.
struct EnvelopeWriter {
  private(set) var bytes: [UInt8] = []

  init() { bytes.reserveCapacity(192) }

  mutating func write<Number: FixedWidthInteger>(_ number: Number) {
    withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
  }

  mutating func write(_ id: UniqueID) {
    write(id.high)
    write(id.low)
  }

  /// Longer text than 65,535 bytes is cut; what is written here is checked to be far shorter where it comes in.
  mutating func write(_ text: String) {
    let utf8 = text.utf8.prefix(Int(UInt16.max))
    write(UInt16(utf8.count))
    bytes.append(contentsOf: utf8)
  }
}

/// Reads what `EnvelopeWriter` wrote; nil where the bytes end too early.
struct EnvelopeReader {
  private let bytes: [UInt8]
  private var position = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var isAtEnd: Bool { position == bytes.count }
  var rest: [UInt8] { Array(bytes[position...]) }

  mutating func number<Number: FixedWidthInteger>(_ type: Number.Type) -> Number? {
    let size = MemoryLayout<Number>.size
    guard bytes.count - position >= size else { return nil }
    defer { position += size }
    return bytes.withUnsafeBytes { Number(bigEndian: $0.loadUnaligned(fromByteOffset: position, as: Number.self)) }
  }

  mutating func byte() -> UInt8? { number(UInt8.self) }

  mutating func id() -> UniqueID? {
    guard let high = number(UInt64.self), let low = number(UInt64.self) else { return nil }
    return UniqueID(high: high, low: low)
  }

  mutating func string() -> String? {
    guard let count = number(UInt16.self), bytes.count - position >= Int(count) else { return nil }
    defer { position += Int(count) }
    return String(validating: bytes[position..<position + Int(count)], as: UTF8.self)
  }
}
