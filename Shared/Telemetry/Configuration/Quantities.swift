/// A whole number and a unit: `250us`, `5ms`, `2s`, `15m`, `1h`, `7d`. Not negative.
extension Duration: OptionValue {
  private static let units: [(suffix: String, size: Int)] = [
    ("d", 86_400_000_000_000), ("h", 3_600_000_000_000), ("m", 60_000_000_000), ("s", 1_000_000_000),
    ("ms", 1_000_000), ("us", 1_000), ("ns", 1),
  ]

  /// What to write.
  public static var expected: String { "a duration such as 5ms, 2s, 15m or 1h" }

  /// Digits and one of the units.
  public init?(option text: String) {
    guard let nanoseconds = parseQuantity(text, units: Self.units) else { return nil }
    self = .nanoseconds(nanoseconds)
  }

  /// In the largest unit that leaves no fraction.
  public var optionText: String {
    self == .zero ? "0s" : writeQuantity(nanosecondsClamped, units: Self.units)
  }

  /// Whole nanoseconds, held within ±292 years.
  var nanosecondsClamped: Int {
    let (seconds, attoseconds) = components
    let (whole, overflow) = Int(seconds).multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, overflow2) = whole.addingReportingOverflow(Int(attoseconds / 1_000_000_000))
    return overflow || overflow2 ? (seconds < 0 ? .min : .max) : sum
  }
}

/// An amount of memory or storage: `512`, `64KiB`, `16MiB`, `1GiB`, or in powers of ten `10MB`.
public struct ByteSize: OptionValue, Comparable, CustomStringConvertible {
  /// The number of bytes, not negative.
  public let bytes: Int

  /// `bytes` bytes.
  public init(bytes: Int) {
    precondition(bytes >= 0, "a size is not negative")
    self.bytes = bytes
  }

  /// So many units of 1,024 bytes.
  public static func kibibytes(_ count: Int) -> ByteSize { ByteSize(bytes: count << 10) }
  /// So many units of 1,048,576 bytes.
  public static func mebibytes(_ count: Int) -> ByteSize { ByteSize(bytes: count << 20) }
  /// So many units of 1,073,741,824 bytes.
  public static func gibibytes(_ count: Int) -> ByteSize { ByteSize(bytes: count << 30) }

  private static let units: [(suffix: String, size: Int)] = [
    ("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000), ("B", 1), ("", 1),
  ]

  /// What to write.
  public static var expected: String { "a size such as 512KiB, 64MiB or 1GiB" }

  /// Digits and one of the units, none meaning bytes.
  public init?(option text: String) {
    guard let bytes = parseQuantity(text, units: Self.units) else { return nil }
    self.init(bytes: bytes)
  }

  /// In the largest unit that leaves no fraction.
  public var optionText: String { bytes == 0 ? "0" : writeQuantity(bytes, units: Self.units) }
  /// As it would be typed.
  public var description: String { optionText }
  /// By the number of bytes.
  public static func < (a: ByteSize, b: ByteSize) -> Bool { a.bytes < b.bytes }
}

/// A whole number followed by one of the suffixes, in the smallest unit; nil when malformed or too large.
func parseQuantity(_ text: String, units: [(suffix: String, size: Int)]) -> Int? {
  let digits = text.prefix { ("0"..."9").contains($0) }
  let suffix = text[digits.endIndex...]
  guard let number = Int(digits), let unit = units.first(where: { $0.suffix == suffix }) else { return nil }
  let (product, overflow) = number.multipliedReportingOverflow(by: unit.size)
  return overflow ? nil : product
}

/// `amount` in the first unit that divides it; the units go from large to small.
func writeQuantity(_ amount: Int, units: [(suffix: String, size: Int)]) -> String {
  let unit = units.first { amount % $0.size == 0 } ?? units[units.count - 1]
  return "\(amount / unit.size)\(unit.suffix)"
}
