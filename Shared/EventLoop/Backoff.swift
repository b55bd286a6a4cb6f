/// How long to wait before the next attempt: doubling from 50 ms to 2 s, each time a random part of it, so that many
/// processes do not come back at once.
public struct Backoff {
  private var ceiling = Duration.milliseconds(50)

  /// Begins with the shortest wait.
  public init() {}

  /// The next wait.
  public mutating func next() -> Duration {
    defer { ceiling = min(ceiling * 2, .seconds(2)) }
    return ceiling * Double.random(in: 0.5...1)
  }

  /// Begins again, after a success.
  public mutating func reset() { self = Backoff() }
}
