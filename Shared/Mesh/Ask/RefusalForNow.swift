public import Contract

/// The domain's no that is only for some time; clients are told in `Retry-After` (RFC 9110, section 10.2.3) when to try
/// again.
public struct RefusalForNow: Error {
  let refusal: any Refusal
  private let retryAfter: Duration

  /// Refuses for `retryAfter`, of which started seconds count as whole ones.
  public init(_ refusal: some Refusal, retryAfter: Duration) {
    (self.refusal, self.retryAfter) = (refusal, retryAfter)
  }

  /// What clients are told.
  var header: ReplyHeader {
    let (seconds, fraction) = retryAfter.components
    return ReplyHeader(.retryAfter, String(max(1, seconds + (fraction > 0 ? 1 : 0))))
  }
}
