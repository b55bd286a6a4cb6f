/// One value of a JSON text.
///
/// The text is read once into a flat list of its values and kept; a string or a number is made only when it is asked
/// for. Names that occur twice in an object are refused, as I-JSON does (RFC 7493): two readers of the same text must
/// never see two different values. Whole numbers are exact within 64 bits.
public struct JSONValue: Sendable {
  /// What a value is.
  public enum Kind: UInt8, Sendable {
    case null, boolean, number, string, array, object
  }

  private let source: JSONSource
  private let index: Int

  /// Reads one JSON text. Throws `JSONError`.
  public static func parse(_ bytes: [UInt8]) throws(JSONError) -> JSONValue {
    JSONValue(source: try JSONSource(bytes), index: 0)
  }

  private init(source: JSONSource, index: Int) { (self.source, self.index) = (source, index) }

  private var node: JSONSource.Node { source.nodes[index] }

  /// What the value is.
  public var kind: Kind { node.kind }

  /// True or false; nil for anything else.
  public var boolean: Bool? { kind == .boolean ? source.bytes[node.start] == UInt8(ascii: "t") : nil }

  /// The string; nil for anything else.
  public var string: String? { kind == .string ? source.string(node) : nil }

  /// The number, rounded to the nearest one that can be represented; nil for anything else, and out of range.
  public var double: Double? {
    guard kind == .number, let value = Double(numberText), value.isFinite else { return nil }
    return value
  }

  /// The whole number, also when it is written as `1.0` or `1e3`; nil for anything else, and out of range.
  public func integer<Integer: FixedWidthInteger>(_ type: Integer.Type = Integer.self) -> Integer? {
    guard kind == .number else { return nil }
    if node.flag { return Integer(numberText) }
    return double.flatMap { $0.magnitude <= 9_007_199_254_740_992 ? Integer(exactly: $0) : nil }
  }

  /// The number as it is written; empty for anything else.
  public var numberText: Substring {
    kind == .number ? Substring(decoding: source.bytes[node.start..<node.end], as: UTF8.self) : ""
  }

  /// The JSON text of the value, as it was written.
  public var text: [UInt8] {
    switch kind {
    case .null: Array("null".utf8)
    case .boolean: Array((boolean == true ? "true" : "false").utf8)
    case .string: Array(source.bytes[node.start - 1..<node.end + 1])
    case .number, .array, .object: Array(source.bytes[node.start..<node.end])
    }
  }

  /// How many elements or members there are; 0 for anything else.
  public var count: Int { kind == .array || kind == .object ? node.count : 0 }

  /// The elements of an array; empty for anything else.
  public var elements: Elements { Elements(parent: self) }

  /// The members of an object; empty for anything else.
  public var members: Members { Members(parent: self) }

  /// The member of this name; nil when there is none, and for anything but an object. Looks at one after the other.
  public subscript(name: String) -> JSONValue? {
    guard kind == .object else { return nil }
    var position = index + 1
    while position < node.next {
      let value = position + 1
      if source.equals(source.nodes[position], name) { return JSONValue(source: source, index: value) }
      position = source.nodes[value].next
    }
    return nil
  }

  /// The elements of an array, in order.
  public struct Elements: Sequence, IteratorProtocol {
    private let source: JSONSource
    private var position: Int
    private let end: Int

    fileprivate init(parent: JSONValue) {
      source = parent.source
      position = parent.index + 1
      end = parent.kind == .array ? parent.node.next : 0
    }

    /// The next element.
    public mutating func next() -> JSONValue? {
      guard position < end else { return nil }
      defer { position = source.nodes[position].next }
      return JSONValue(source: source, index: position)
    }
  }

  /// The members of an object, in the order of the text.
  public struct Members: Sequence, IteratorProtocol {
    private let source: JSONSource
    private var position: Int
    private let end: Int

    fileprivate init(parent: JSONValue) {
      source = parent.source
      position = parent.index + 1
      end = parent.kind == .object ? parent.node.next : 0
    }

    /// The next member.
    public mutating func next() -> (name: String, value: JSONValue)? {
      guard position < end else { return nil }
      let name = source.string(source.nodes[position])
      let value = JSONValue(source: source, index: position + 1)
      position = source.nodes[position + 1].next
      return (name, value)
    }
  }
}

/// A JSON text and the list of its values. An array or object is followed by what it holds; `next` is what follows that.
final class JSONSource: Sendable {
  struct Node: Sendable {
    var kind: JSONValue.Kind
    /// A number is whole, or a string contains escapes.
    var flag = false
    private var from: UInt32
    private var to: UInt32
    private var after: UInt32
    private var size: UInt32 = 0

    init(_ kind: JSONValue.Kind, _ range: Range<Int>, flag: Bool = false, next: Int) {
      (self.kind, self.flag) = (kind, flag)
      (from, to, after) = (UInt32(range.lowerBound), UInt32(range.upperBound), UInt32(next))
    }

    var start: Int { Int(from) }
    var end: Int {
      get { Int(to) }
      set { to = UInt32(newValue) }
    }
    var next: Int {
      get { Int(after) }
      set { after = UInt32(newValue) }
    }
    var count: Int {
      get { Int(size) }
      set { size = UInt32(newValue) }
    }
  }

  let bytes: [UInt8]
  let nodes: [Node]

  init(_ bytes: [UInt8]) throws(JSONError) {
    var tape = Tape()
    let outcome: Result<Void, JSONError> = bytes.withUnsafeBytes { raw in
      Result { () throws(JSONError) in
        var scanner = JSONScanner(bytes: raw)
        try scanner.scan(into: &tape)
      }
    }
    try outcome.get()
    self.bytes = bytes
    nodes = tape.nodes
    try refuseDuplicateNames()
  }

  private func refuseDuplicateNames() throws(JSONError) {
    for index in nodes.indices where nodes[index].kind == .object && nodes[index].count > 1 {
      var position = index + 1
      // Few names are compared with one another; many go through a hashed set, so that nobody can make this slow.
      if nodes[index].count <= 8 {
        while position < nodes[index].next {
          var other = nodes[position + 1].next
          while other < nodes[index].next {
            if haveEqualText(nodes[position], nodes[other]) { throw duplicate(nodes[other]) }
            other = nodes[other + 1].next
          }
          position = nodes[position + 1].next
        }
      } else {
        var seen = Set<String>(minimumCapacity: nodes[index].count)
        while position < nodes[index].next {
          guard seen.insert(string(nodes[position])).inserted else { throw duplicate(nodes[position]) }
          position = nodes[position + 1].next
        }
      }
    }
  }

  private func duplicate(_ node: Node) -> JSONError { JSONError(reason: .duplicateName, offset: node.start) }

  /// Whether two names would be one and the same key of a dictionary.
  private func haveEqualText(_ left: Node, _ right: Node) -> Bool {
    if isPlain(left), isPlain(right) {
      return bytes[left.start..<left.end].elementsEqual(bytes[right.start..<right.end])
    }
    return string(left) == string(right)
  }

  private func isPlain(_ node: Node) -> Bool { !node.flag && !bytes[node.start..<node.end].contains { $0 >= 0x80 } }

  func equals(_ node: Node, _ text: String) -> Bool {
    if node.flag { return string(node).utf8.elementsEqual(text.utf8) }
    guard node.end - node.start == text.utf8.count else { return false }
    return bytes[node.start..<node.end].elementsEqual(text.utf8)
  }

  /// The text of a string, with its escapes replaced. The scanner has checked that they are in order.
  func string(_ node: Node) -> String {
    let slice = bytes[node.start..<node.end]
    guard node.flag else { return String(decoding: slice, as: UTF8.self) }
    var plain: [UInt8] = []
    plain.reserveCapacity(slice.count)
    var position = slice.startIndex
    func unit() -> UInt32 {
      defer { position += 4 }
      return bytes[position..<position + 4].reduce(0) { $0 << 4 | UInt32(JSONScanner.hexDigit($1) ?? 0) }
    }
    while position < slice.endIndex {
      let byte = bytes[position]
      position += 1
      guard byte == UInt8(ascii: "\\") else {
        plain.append(byte)
        continue
      }
      let escape = bytes[position]
      position += 1
      switch escape {
      case UInt8(ascii: "b"): plain.append(0x08)
      case UInt8(ascii: "f"): plain.append(0x0c)
      case UInt8(ascii: "n"): plain.append(0x0a)
      case UInt8(ascii: "r"): plain.append(0x0d)
      case UInt8(ascii: "t"): plain.append(0x09)
      case UInt8(ascii: "u"):
        var code = unit()
        if code & 0xfc00 == 0xd800 {
          position += 2
          code = 0x10000 + (code & 0x3ff) << 10 + unit() & 0x3ff
        }
        if let scalar = Unicode.Scalar(code), let units = UTF8.encode(scalar) { plain.append(contentsOf: units) }
      default: plain.append(escape)
      }
    }
    return String(decoding: plain, as: UTF8.self)
  }

  private struct Tape: JSONSink {
    var nodes: [Node] = []
    private var open: [Int] = []

    private mutating func add(_ node: Node, isName: Bool = false) {
      if !isName, let parent = open.last { nodes[parent].count += 1 }
      nodes.append(node)
    }

    mutating func open(isObject: Bool, at start: Int) {
      add(Node(isObject ? .object : .array, start..<start, next: 0))
      open.append(nodes.count - 1)
    }

    mutating func close(at end: Int) {
      guard let index = open.popLast() else { return }
      nodes[index].next = nodes.count
      nodes[index].end = end
    }

    mutating func string(_ range: Range<Int>, isName: Bool, isEscaped: Bool) {
      add(Node(.string, range, flag: isEscaped, next: nodes.count + 1), isName: isName)
    }

    mutating func number(_ range: Range<Int>, isWhole: Bool) {
      add(Node(.number, range, flag: isWhole, next: nodes.count + 1))
    }

    mutating func word(_ first: UInt8, at start: Int) {
      let kind: JSONValue.Kind = first == UInt8(ascii: "n") ? .null : .boolean
      add(Node(kind, start..<start, next: nodes.count + 1))
    }
  }
}
