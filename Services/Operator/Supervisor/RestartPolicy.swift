/// When a process that has died is started again: at once the first time, then after ever longer pauses, until it has
/// stayed alive for a while.
struct RestartPolicy: Equatable {
  /// The pause after the second death in a row.
  static let firstPause = Duration.milliseconds(250)
  /// The longest pause.
  static let longestPause = Duration.seconds(10)
  /// Having lived so long, a process is taken for sound again.
  static let soundAfter = Duration.seconds(60)

  private var pause = Duration.zero

  /// The pause before the next start, after a life of `lifetime`.
  mutating func pause(after lifetime: Duration) -> Duration {
    if lifetime >= Self.soundAfter { pause = .zero }
    defer { pause = pause == .zero ? Self.firstPause : min(pause * 2, Self.longestPause) }
    return pause
  }
}
