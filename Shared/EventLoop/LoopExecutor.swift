import CEpoll
import Glibc

/// The executor of `@Loop`: the queue of jobs that are ready, and the thread that runs them.
///
/// It is an executor of tasks too. The language resumes a continuation on the executor that its task prefers, not on the
/// actor that awaits it: without a preference that is the pool of threads, and each `await` is a detour over two threads.
///
/// Jobs from the loop's own thread go to a plain array. Jobs from elsewhere go through a mutex, and wake the loop only
/// if it waits. A POSIX mutex, not `Synchronization.Mutex`, because ThreadSanitizer understands it.
final class LoopExecutor: SerialExecutor, TaskExecutor, @unchecked Sendable {
  // Sendable by hand: `incoming` and `waiting` are guarded by `mutex`, `ready` belongs to the loop's thread,
  // and `thread` is written once, before the loop's thread passes `started`.
  static let shared = LoopExecutor()

  /// Set by `Loop.run` before anything touches `shared`: then no thread is started.
  nonisolated(unsafe) static var adoptsMainThread = false

  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private var incoming: [UnownedJob] = []
  private var waiting = false

  private var ready: [UnownedJob] = []
  private var running: [UnownedJob] = []
  private var thread = pthread_t()
  private let wakeup = Wakeup()

  private init() {
    pthread_mutex_init(mutex, nil)
    if Self.adoptsMainThread {
      thread = pthread_self()
    } else {
      startThread()
    }
  }

  private func startThread() {
    // The new thread reads `thread` only after this initialiser has released the mutex.
    pthread_mutex_lock(mutex)
    let argument = Unmanaged.passUnretained(self).toOpaque()
    let status = pthread_create(
      &thread, nil,
      { argument in
        let executor = Unmanaged<LoopExecutor>.fromOpaque(argument!).takeUnretainedValue()
        pthread_mutex_lock(executor.mutex)
        pthread_mutex_unlock(executor.mutex)
        cepoll_name_thread("loop")
        executor.runOnCurrentThread()
      }, argument)
    precondition(status == 0, "cannot start the event loop's thread: \(String(cString: strerror(status)))")
    pthread_mutex_unlock(mutex)
  }

  var isCurrent: Bool { pthread_equal(pthread_self(), thread) != 0 }

  func checkIsolated() {
    precondition(isCurrent, "this code runs on the event loop's thread only")
  }

  func isIsolatingCurrentContext() -> Bool? { isCurrent }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    if isCurrent {
      ready.append(job)
      return
    }
    pthread_mutex_lock(mutex)
    incoming.append(job)
    let wake = waiting
    waiting = false
    pthread_mutex_unlock(mutex)
    if wake { wakeup.signal() }
  }

  func runOnCurrentThread() -> Never {
    Loop.assumeIsolated {
      let reactor = Reactor.shared
      let wake = Watch(wakeup.descriptor) { [wakeup] _ in wakeup.clear() }
      wake.interest = .readable
      while true {
        runReadyJobs()
        reactor.flushAll()
        reactor.poll(mayWait: prepareToWait())
        takeIncoming()
        reactor.fireTimers()
      }
    }
  }

  /// Runs the jobs that were ready when the turn began. Jobs they make wait for the next turn, so that a task
  /// which never rests cannot starve the sockets.
  private func runReadyJobs() {
    swap(&ready, &running)
    for job in running { job.runSynchronously(on: asUnownedSerialExecutor()) }
    running.removeAll(keepingCapacity: running.count <= 4096)
  }

  /// Announces that the loop is about to sleep, unless there is something to do.
  private func prepareToWait() -> Bool {
    guard ready.isEmpty else { return false }
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    waiting = incoming.isEmpty
    return waiting
  }

  private func takeIncoming() {
    pthread_mutex_lock(mutex)
    waiting = false
    ready.append(contentsOf: incoming)
    incoming.removeAll(keepingCapacity: incoming.count <= 4096)
    pthread_mutex_unlock(mutex)
  }
}
