/// A place in a channel's history, as clients name it: "epoch:offset".
///
/// Events of one epoch are numbered from 1 without gaps. A new epoch begins when Redis has lost what it knew of the
/// channel, so a place in an older one says nothing about what has happened since.
struct Position: Hashable, Sendable, LosslessStringConvertible {
  /// Random, and 0 for a channel of which nothing was ever kept.
  let epoch: UInt64
  /// How many events of the epoch there were.
  let offset: UInt64

  init(epoch: UInt64, offset: UInt64) { (self.epoch, self.offset) = (epoch, offset) }

  init?(_ description: String) { self.init(description.utf8) }

  /// Reads the text form: the epoch in base 36, the offset in decimal.
  init?(_ text: some Collection<UInt8>) {
    guard (3...40).contains(text.count) else { return nil }
    let parts = text.split(separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, let epoch = UInt64(String(decoding: parts[0], as: UTF8.self), radix: 36),
      let offset = UInt64(String(decoding: parts[1], as: UTF8.self))
    else { return nil }
    self.init(epoch: epoch, offset: offset)
  }

  var description: String { "\(String(epoch, radix: 36)):\(offset)" }
}
