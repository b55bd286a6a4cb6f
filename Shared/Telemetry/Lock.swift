import Glibc

/// A mutual-exclusion lock over `pthread_mutex_t`, which ThreadSanitizer understands; `Synchronization.Mutex` makes futex
/// calls it cannot see. For short sections only; not recursive.
final class Lock: @unchecked Sendable {  // the mutex is made for sharing and its address never changes
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>

  init() {
    mutex = .allocate(capacity: 1)
    precondition(pthread_mutex_init(mutex, nil) == 0, "pthread_mutex_init failed")
  }

  deinit {
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
  }

  func withLock<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body()
  }
}
