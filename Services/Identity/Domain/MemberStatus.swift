import Contract

/// Whether a member is let in.
enum MemberStatus: Equatable {
  case active
  /// Shut out for some time.
  case suspended(until: Timestamp, reason: String)
  /// Shut out for good.
  case banned(reason: String)

  /// What the status amounts to at the time `now`: a suspension that is over is none.
  func effective(now: Timestamp) -> MemberStatus {
    if case .suspended(let until, _) = self, until <= now { .active } else { self }
  }
}
