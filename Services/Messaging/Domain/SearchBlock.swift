/// Sixty-four consecutive places of a conversation, which share a row of the search index for each word.
struct SearchBlock: Hashable {
  /// Places in a block.
  static let size: Int64 = 64

  /// The number: block 0 holds the places 0 to 63.
  let number: Int64

  /// The block of this number.
  init(_ number: Int64) { self.number = number }

  /// The block that a place lies in.
  init(of seq: Int64) { number = seq / Self.size }

  /// The bit of a place in its block's rows.
  static func bit(of seq: Int64) -> UInt64 { 1 << UInt64(seq % size) }

  /// The places whose bits are set in `hits`, the highest first.
  func places(_ hits: UInt64) -> [Int64] {
    (0..<Self.size).reversed().filter { hits >> UInt64($0) & 1 == 1 }.map { number * Self.size + $0 }
  }
}
