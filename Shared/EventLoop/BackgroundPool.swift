import CEpoll
import Glibc

/// A few threads for what must not run on the loop: system calls that block, and long computations.
///
/// Work is done in the order in which it was given, by whichever thread is free. The queue has a bound; beyond it,
/// `run` throws `BackgroundPool.Full` at once, so that overload is refused where it arises.
public final class BackgroundPool: @unchecked Sendable {
  // Sendable by hand: `queue` and `stopped` are guarded by `mutex`.

  /// The queue is at its bound: the caller should refuse or shed the request that needed the work.
  public struct Full: Error, CustomStringConvertible {
    /// The bound that was reached, in pieces of work.
    public let limit: Int
    /// Says what happened.
    public var description: String { "the background queue is full: \(limit) pieces of work are waiting" }
  }

  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private let limit: Int
  private var queue: [@Sendable () -> Void] = []
  private var stopped = false

  /// Starts `threads` threads that live until `stop()`. At most `limit` pieces of work wait.
  public init(threads: Int, limit: Int = 1024) {
    self.limit = limit
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
    for _ in 0..<threads {
      var thread = pthread_t()
      // Each thread keeps the pool alive until it has seen `stopped`.
      let status = pthread_create(
        &thread, nil,
        { argument in
          Unmanaged<BackgroundPool>.fromOpaque(argument!).takeRetainedValue().work()
          return nil
        }, Unmanaged.passRetained(self).toOpaque())
      precondition(status == 0, "cannot start a background thread: \(String(cString: strerror(status)))")
      pthread_detach(thread)
    }
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  /// Runs `work` on a background thread and returns what it returns.
  ///
  /// Work that has been queued is always done, also when the calling task is cancelled meanwhile.
  @Loop public func run<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
      do {
        try submit { continuation.resume(with: Result { try work() }) }
      } catch {
        continuation.resume(throwing: error)
      }
    }
  }

  private func submit(_ work: @escaping @Sendable () -> Void) throws(Full) {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    guard queue.count < limit else { throw Full(limit: limit) }
    queue.append(work)
    pthread_cond_signal(condition)
  }

  /// Ends the threads after what they are doing; work that still waits is done first.
  public func stop() {
    pthread_mutex_lock(mutex)
    stopped = true
    pthread_cond_broadcast(condition)
    pthread_mutex_unlock(mutex)
  }

  private func work() {
    cepoll_name_thread("background")
    while true {
      pthread_mutex_lock(mutex)
      while queue.isEmpty && !stopped { pthread_cond_wait(condition, mutex) }
      guard !queue.isEmpty else {
        pthread_mutex_unlock(mutex)
        return
      }
      let work = queue.removeFirst()
      pthread_mutex_unlock(mutex)
      work()
    }
  }
}
