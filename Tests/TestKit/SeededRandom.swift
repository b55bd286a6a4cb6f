import Foundation

/// A small random generator whose run can be repeated (SplitMix64, Steele et al. 2014).
public struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64

  /// Starts the sequence that belongs to `seed`.
  public init(seed: UInt64) { state = seed }

  /// Takes the seed from the environment variable `SEED`, or a new one, and prints it so that a failure can be repeated.
  public static func fromEnvironment(_ test: String = #function) -> SeededRandom {
    let seed = ProcessInfo.processInfo.environment["SEED"].flatMap(UInt64.init) ?? .random(in: 0...UInt64(UInt32.max))
    print("SEED=\(seed) \(test)")
    return SeededRandom(seed: seed)
  }

  /// The next number of the sequence.
  public mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
