import Glibc

/// The moments at which a crash is most telling. In debug builds a process kills itself at the one that `MESH_FAULT` names:
/// `after-commit` at the first time, `after-commit:3` at the third. In release builds there is nothing here.
enum FaultPoint: String {
  /// A handler has run and emitted events; its transaction is not committed.
  case beforeCommit = "before-commit"
  /// A transaction with events is committed; nothing is published or answered.
  case afterCommit = "after-commit"
  /// Events are in Kafka; the outbox does not know.
  case afterPublish = "after-publish"
  /// An event has taken effect; its offset is not committed.
  case afterEffect = "after-effect"
  /// A timer's effect is not committed.
  case beforeTimerCommit = "before-timer-commit"

  #if DEBUG
    private static let armed: (name: Substring, count: Int)? = getenv("MESH_FAULT").map {
      let parts = String(cString: $0).split(separator: ":")
      return (parts.first ?? "", parts.count > 1 ? Int(parts[1]) ?? 1 : 1)
    }
    // Reached on the loop's thread only.
    nonisolated(unsafe) private static var reached = 0
  #endif

  /// Dies here, as by `kill -9`, when this is the point that was asked for.
  @inline(__always) func reach() {
    #if DEBUG
      guard let armed = Self.armed, armed.name == rawValue else { return }
      Self.reached += 1
      if Self.reached == armed.count { kill(getpid(), SIGKILL) }
    #endif
  }
}
