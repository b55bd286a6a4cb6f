/// A value that arrives later, once: the bridge from a callback to `await`.
///
/// One task may wait for it. A task that is cancelled while it waits gets `CancellationError` at once; the value that
/// comes afterwards is dropped.
@Loop public final class Promise<Value: Sendable> {
  private enum State {
    case open
    case awaited(CheckedContinuation<Value, any Error>)
    case settled(Result<Value, any Error>)
  }
  private var state = State.open

  /// Makes a promise that nobody has kept yet.
  public init() {}

  /// Whether a value or an error is there already, or the waiting task has given up.
  public var isSettled: Bool {
    if case .settled = state { true } else { false }
  }

  /// Delivers the value. The first of `fulfil` and `fail` counts; later ones are ignored.
  public func fulfil(_ value: Value) { settle(.success(value)) }

  /// Delivers an error instead of a value.
  public func fail(_ error: any Error) { settle(.failure(error)) }

  private func settle(_ result: Result<Value, any Error>) {
    switch state {
    case .open: state = .settled(result)
    case .awaited(let continuation):
      state = .settled(result)
      continuation.resume(with: result)
    case .settled: break
    }
  }

  /// The value, as soon as it is there. Throws what `fail` was given, or `CancellationError`.
  public var value: Value {
    get async throws {
      if case .settled(let result) = state { return try result.get() }
      return try await withTaskCancellationHandler {
        try await withCheckedThrowingContinuation { continuation in
          switch state {
          case .open: state = .awaited(continuation)
          case .settled(let result): continuation.resume(with: result)
          case .awaited: preconditionFailure("two tasks wait for one promise")
          }
        }
      } onCancel: {
        Loop.task { self.fail(CancellationError()) }
      }
    }
  }
}
