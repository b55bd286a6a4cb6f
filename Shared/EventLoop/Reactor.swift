import CEpoll
import Glibc

/// Which way a descriptor is, or should be watched for being, ready.
public struct Readiness: OptionSet, Sendable {
  /// The bits as `epoll` defines them.
  public let rawValue: UInt32
  /// Takes the bits as `epoll` defines them.
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// There is something to read, or the other side has ended its half.
  public static let readable = Readiness(rawValue: EPOLLIN.rawValue)
  /// There is room to write.
  public static let writable = Readiness(rawValue: EPOLLOUT.rawValue)
  /// The descriptor is broken or closed by the peer. Always reported, never asked for.
  public static let hangup = Readiness(rawValue: EPOLLHUP.rawValue | EPOLLERR.rawValue)
}

/// Whoever is told when a descriptor becomes ready.
@Loop protocol Watcher: AnyObject {
  func ready(_ readiness: Readiness)
}

/// The part of the loop that talks to the kernel: `epoll`, the table of watchers, timers and end-of-turn flushes.
@Loop final class Reactor {
  static let shared = Reactor()

  private struct Slot {
    var watcher: (any Watcher)?
    /// Tells events of a closed descriptor from those of its successor with the same number.
    var generation: UInt32 = 0
    var interest: Readiness = []
  }

  /// Readiness handed out in one turn, at most. What is left over comes with the next turn.
  private static let eventsPerTurn = 512

  private let epoll: CInt
  private let events = UnsafeMutablePointer<epoll_event>.allocate(capacity: eventsPerTurn)
  private var slots: [Slot] = []
  private var timers = TimerHeap()
  private var flushing: [any Flushable] = []
  var flushables: [any Flushable] = []
  private(set) var now = ContinuousClock.now

  /// Where every socket reads to: an idle connection holds no buffer of its own.
  let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 * 1024, alignment: 4096)

  private init() {
    epoll = epoll_create1(CInt(EPOLL_CLOEXEC))
    precondition(epoll >= 0, "epoll_create1: \(String(cString: strerror(errno)))")
  }

  /// Begins, changes or (with an empty interest) pauses watching `descriptor`.
  func watch(_ descriptor: CInt, for interest: Readiness, watcher: any Watcher) {
    let index = Int(descriptor)
    if index >= slots.count { slots.append(contentsOf: repeatElement(Slot(), count: index + 64 - slots.count)) }
    let known = slots[index].watcher != nil
    if known && slots[index].interest == interest { return }
    if !known { slots[index].generation &+= 1 }
    slots[index].watcher = watcher
    slots[index].interest = interest
    var event = epoll_event()
    event.events = interest.rawValue
    event.data.u64 = UInt64(slots[index].generation) << 32 | UInt64(UInt32(bitPattern: descriptor))
    let status = epoll_ctl(epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, descriptor, &event)
    precondition(status == 0, "epoll_ctl of descriptor \(descriptor): \(String(cString: strerror(errno)))")
  }

  /// Stops watching `descriptor`. Call it before the descriptor is closed.
  func forget(_ descriptor: CInt) {
    let index = Int(descriptor)
    guard index < slots.count, slots[index].watcher != nil else { return }
    slots[index].watcher = nil
    slots[index].interest = []
    // A library may have closed the descriptor already; then the kernel has forgotten it by itself.
    _ = epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, nil)
  }

  func flushAll() {
    // What a flush asks for in turn goes with the next turn.
    swap(&flushables, &flushing)
    for flushable in flushing { flushable.flush() }
    flushing.removeAll(keepingCapacity: true)
  }

  func poll(mayWait: Bool) {
    var timeout = timespec()
    var limit: UnsafeMutablePointer<timespec>?
    let wait = mayWait && flushables.isEmpty ? timers.next.map { ContinuousClock.now.duration(to: $0) } : .zero
    if let wait {
      let parts = max(wait, .zero).components
      timeout.tv_sec = Int(parts.seconds)
      timeout.tv_nsec = Int(parts.attoseconds / 1_000_000_000)
    }
    let count = withUnsafeMutablePointer(to: &timeout) { pointer in
      limit = wait == nil ? nil : pointer
      return epoll_pwait2(epoll, events, CInt(Self.eventsPerTurn), limit, nil)
    }
    now = ContinuousClock.now
    guard count > 0 else { return }
    for event in UnsafeBufferPointer(start: events, count: Int(count)) {
      let index = Int(UInt32(truncatingIfNeeded: event.data.u64))
      guard slots[index].generation == UInt32(event.data.u64 >> 32) else { continue }
      slots[index].watcher?.ready(Readiness(rawValue: event.events))
    }
  }

  func fireTimers() {
    while let next = timers.next, next <= now { timers.removeFirst().fire() }
  }

  func arm(_ timer: LoopTimer, at deadline: ContinuousClock.Instant) { timers.arm(timer, at: deadline) }
  func disarm(_ timer: LoopTimer) { timers.disarm(timer) }
}

/// A descriptor that belongs to somebody else (a C library, as a rule), watched by the loop.
///
/// The watch keeps itself alive until `cancel()`; it never closes the descriptor.
@Loop public final class Watch: Watcher {
  private let descriptor: CInt
  private var handler: (@Loop (Readiness) -> Void)?

  /// Prepares to watch `descriptor`; nothing is reported until `interest` is set.
  public init(_ descriptor: CInt, _ handler: @escaping @Loop (Readiness) -> Void) {
    self.descriptor = descriptor
    self.handler = handler
  }

  /// What to report. Level-triggered: readiness is reported in each turn until it is dealt with.
  public var interest: Readiness = [] {
    didSet {
      guard handler != nil, interest != oldValue else { return }
      Reactor.shared.watch(descriptor, for: interest, watcher: self)
    }
  }

  /// Ends the watch. Must come before the descriptor is closed. May be repeated.
  public func cancel() {
    guard handler != nil else { return }
    handler = nil
    Reactor.shared.forget(descriptor)
  }

  func ready(_ readiness: Readiness) { handler?(readiness) }
}
