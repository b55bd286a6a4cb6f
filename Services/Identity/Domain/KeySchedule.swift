import Contract

/// When which key signs access tokens. A key is published ahead of its first use, so that everybody who checks tokens has
/// it by then, and stays until the last token it signed has expired: no request fails for a change of keys.
struct KeySchedule: Equatable {
  /// A key by its times.
  struct Entry: Equatable {
    let id: String
    /// From when on it signs, until the next one does.
    let signsFrom: Timestamp
  }

  /// What is due.
  enum Step: Equatable {
    /// A new key has to be made, that signs from this time on.
    case make(signsFrom: Timestamp)
    /// This key has signed nothing that still holds.
    case drop(id: String)
  }

  /// How long a key signs.
  let period: Duration
  /// How long before its first use a key is published.
  let lead: Duration

  /// A schedule by which keys change every `period`, published `lead` before.
  init(period: Duration, lead: Duration = .seconds(3600)) {
    precondition(lead < period, "a key has to be published within the period of the one before it")
    (self.period, self.lead) = (period, lead)
  }

  /// The key that signs at the time `now`: the latest whose time has come.
  func signing(_ keys: [Entry], now: Timestamp) -> Entry? {
    keys.filter { $0.signsFrom <= now }.max { $0.signsFrom < $1.signsFrom }
  }

  /// What is due at the time `now`. The first key ever signs at once.
  func steps(_ keys: [Entry], now: Timestamp) -> [Step] {
    let keys = keys.sorted { $0.signsFrom < $1.signsFrom }
    var steps: [Step] = []
    if let newest = keys.last {
      // One that was not made in time, since nobody ran, is still published before it signs.
      let next = max(newest.signsFrom + period, now + lead)
      if now >= newest.signsFrom + period - lead { steps.append(.make(signsFrom: next)) }
    } else {
      steps.append(.make(signsFrom: now))
    }
    for (key, successor) in zip(keys, keys.dropFirst())
    where now >= successor.signsFrom + AccessClaims.longestUse { steps.append(.drop(id: key.id)) }
    return steps
  }
}
