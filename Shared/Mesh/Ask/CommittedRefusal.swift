public import Contract

/// The domain's no that leaves a mark: thrown by a handler, what it did until then is committed. Any other refusal undoes
/// it. For what must be remembered of a request that is refused: that a stolen token came back.
public struct CommittedRefusal: Error {
  let refusal: any Refusal

  /// Refuses, and commits.
  public init(_ refusal: some Refusal) { self.refusal = refusal }
}
