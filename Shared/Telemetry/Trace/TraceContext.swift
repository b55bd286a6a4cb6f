/// Where a piece of work stands in a distributed trace: the trace it belongs to, and the span it is part of. Travels with
/// every request and message in the headers `traceparent` and `tracestate` (W3C Trace Context, Recommendation of 23
/// November 2021).
///
/// Work that takes part runs inside `TraceContext.$current.withValue(context) { … }`; logs then carry its ids.
public struct TraceContext: Sendable, Hashable {
  /// The context of the running task.
  @TaskLocal public static var current: TraceContext?

  /// The trace, the same in every process that takes part; not 0.
  public let traceID: UInt128
  /// The span: one step of the trace; not 0.
  public let spanID: UInt64
  /// The span that this one is a part of; nil where that is not known here, as for what a caller sent.
  public let parentID: UInt64?
  /// Whether the caller may have recorded its span, and so ours should be.
  public let isSampled: Bool
  /// What other tracing systems along the way passed on; empty if nothing.
  public let state: TraceState

  private init(traceID: UInt128, spanID: UInt64, parentID: UInt64?, isSampled: Bool, state: TraceState) {
    self.traceID = traceID
    self.spanID = spanID
    self.parentID = parentID
    self.isSampled = isSampled
    self.state = state
  }

  /// The first span of a new trace.
  public static func root(isSampled: Bool) -> TraceContext {
    var generator = SystemRandomNumberGenerator()
    return root(isSampled: isSampled, using: &generator)
  }

  /// The first span of a new trace, its ids drawn from `generator`.
  public static func root(isSampled: Bool, using generator: inout some RandomNumberGenerator) -> TraceContext {
    TraceContext(
      traceID: max(1, UInt128(generator.next()) << 64 | UInt128(generator.next())), spanID: max(1, generator.next()),
      parentID: nil, isSampled: isSampled, state: TraceState())
  }

  /// The next span in the same trace: what is sent on with a request or message that this one causes.
  public func child() -> TraceContext {
    var generator = SystemRandomNumberGenerator()
    return child(using: &generator)
  }

  /// The next span in the same trace, its id drawn from `generator`.
  public func child(using generator: inout some RandomNumberGenerator) -> TraceContext {
    TraceContext(
      traceID: traceID, spanID: max(1, generator.next()), parentID: spanID, isSampled: isSampled, state: state)
  }

  /// The same span, whose steps from here on nobody writes down.
  public var unsampled: TraceContext {
    TraceContext(traceID: traceID, spanID: spanID, parentID: parentID, isSampled: false, state: state)
  }

  /// The trace's id as logs show it: 32 hexadecimal digits.
  public var traceIDText: String { hexadecimal(traceID) }

  /// The caller's context out of its headers, as bytes: pass `text.utf8` of a string. Nil when `traceparent` is not
  /// well-formed, and then a new trace begins; a malformed `tracestate` alone is dropped.
  ///
  /// Versions to come are read as far as version 00 defines them; flags other than "sampled" do not travel on.
  public init?(traceparent: some Collection<UInt8>, tracestate: some Collection<UInt8> = EmptyCollection()) {
    guard (55...512).contains(traceparent.count) else { return nil }
    let dash = UInt8(ascii: "-")
    var rest = Array(traceparent)[...]
    func skipDash() -> Bool { rest.popFirst() == dash }

    guard let version: UInt8 = Self.takeHex(&rest), version != 0xFF, skipDash(),
      let traceID: UInt128 = Self.takeHex(&rest), traceID != 0, skipDash(),
      let spanID: UInt64 = Self.takeHex(&rest), spanID != 0, skipDash(),
      let flags: UInt8 = Self.takeHex(&rest)
    else { return nil }
    guard rest.isEmpty || (version > 0 && rest.first == dash) else { return nil }
    self.init(
      traceID: traceID, spanID: spanID, parentID: nil, isSampled: flags & 1 == 1,
      state: TraceState(tracestate) ?? TraceState())
  }

  /// The value of the `traceparent` header that carries this context: 55 characters.
  public var traceparent: String {
    "00-\(hexadecimal(traceID))-\(hexadecimal(spanID))-\(isSampled ? "01" : "00")"
  }

  /// A number in exactly as many lower-case hexadecimal digits as its type needs.
  private static func takeHex<Number: FixedWidthInteger>(_ rest: inout ArraySlice<UInt8>) -> Number? {
    var number: Number = 0
    for _ in 0..<Number.bitWidth / 4 {
      switch rest.popFirst() {
      case let digit? where (0x30...0x39).contains(digit): number = number << 4 | Number(digit - 0x30)
      case let digit? where (0x61...0x66).contains(digit): number = number << 4 | Number(digit - 0x61 + 10)
      default: return nil
      }
    }
    return number
  }
}

/// `number` in lower-case hexadecimal digits, zero-padded to the width of its type.
func hexadecimal<Number: FixedWidthInteger & UnsignedInteger>(_ number: Number) -> String {
  let count = Number.bitWidth / 4
  return String(unsafeUninitializedCapacity: count) { digits in
    for index in 0..<count {
      let digit = UInt8(truncatingIfNeeded: number >> Number(4 * (count - 1 - index))) & 15
      digits[index] = digit < 10 ? 0x30 + digit : 0x61 + digit - 10
    }
    return count
  }
}
