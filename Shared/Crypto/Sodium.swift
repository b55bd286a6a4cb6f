import CSodium

/// libsodium, the ground this module stands on, and how bytes get in and out of it. We write no cryptography: what is here
/// calls libsodium, names the standard each thing follows, and is tested against that standard's vectors.
enum Sodium {
  /// Evaluated before each use: picks the fastest implementations for this CPU and opens the source of randomness.
  static let isReady: Bool = sodium_init() >= 0

  static func prepare() { precondition(isReady, "libsodium could not be initialised") }
}

extension Collection<UInt8> {
  /// The bytes in one piece; copied only when they do not lie so.
  func withBytes<Value, Failure: Error>(
    _ body: (UnsafeBufferPointer<UInt8>) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    let inPlace = withContiguousStorageIfAvailable { bytes in Result { () throws(Failure) in try body(bytes) } }
    if let inPlace { return try inPlace.get() }
    return try Array(self).withUnsafeBufferPointer(body)
  }
}

extension UnsafeBufferPointer<UInt8> {
  /// Where the bytes begin, for C functions that want an address even of no bytes, and do not read it then.
  var start: UnsafePointer<UInt8> { baseAddress ?? UnsafePointer(bitPattern: 1)! }
}

extension [UInt8] {
  /// An array of `count` bytes that `fill` writes all of.
  init(count: Int, _ fill: (UnsafeMutablePointer<UInt8>) -> Void) {
    self.init(unsafeUninitializedCapacity: count) { buffer, initialized in
      fill(UnsafeMutablePointer(mutating: UnsafeBufferPointer(buffer).start))
      initialized = count
    }
  }
}

/// `count` unpredictable bytes from the operating system.
public func randomBytes(_ count: Int) -> [UInt8] {
  Sodium.prepare()
  return [UInt8](count: count) { randombytes_buf($0, count) }
}

/// Whether `a` and `b` are equal, in a time that depends on their length only: for codes and tokens an attacker may guess.
public func constantTimeEqual(_ a: some Collection<UInt8>, _ b: some Collection<UInt8>) -> Bool {
  a.withBytes { a in
    b.withBytes { b in
      guard a.count == b.count else { return false }
      return sodium_memcmp(a.start, b.start, a.count) == 0
    }
  }
}
