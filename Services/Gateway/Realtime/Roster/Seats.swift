import Contract
import EventLoop
import Mesh
import Telemetry

/// The members who are in presence channels through this gateway, and the work of keeping Redis told of them.
///
/// What should be so is noted at once; a worker brings Redis to it, one step a seat at a time, and tries again while
/// Redis is away. A member has one seat in a channel, however many connections.
@Loop final class Seats {
  /// How often a gateway says that it lives, and after which silence others take its seats back: well within the 45 s
  /// in which the members of a crashed gateway have to go.
  private static let interval = Duration.seconds(5)
  private static let lease = Duration.seconds(20)
  /// Steps under way at a time.
  private static let limit = 256

  private struct State {
    /// Connections of the member in the channel that are to be listed.
    var connections = 0
    /// What others should see; nil when the member is not to be listed.
    var wanted: ChannelGrant.Listing?
    /// What Redis was told.
    var entered: ChannelGrant.Listing?
    var isUnderWay = false
    /// Those who wait until Redis was told.
    var waiting: [Promise<Void>] = []
  }

  private let store: RosterStore
  private let log: Log
  private var seats: [Seat: State] = [:]
  /// How many of `seats` each channel has, to know when this gateway has none there any more.
  private var counts: [Channel: Int] = [:]
  private var dirty: [Seat] = []
  private var underWay = 0
  private var timer: LoopTimer?
  private var isClosed = false
  /// Whether Redis was told of this gateway.
  private var isKnown = false
  private var backoff = Backoff()
  /// Called when Redis has forgotten this gateway, and so perhaps others: lists have to be read again after a while.
  var wasForgotten: @Loop () -> Void = {}

  init(_ store: RosterStore, log: Log) { (self.store, self.log) = (store, log) }

  /// Begins to say that this gateway lives, and to look for others that do not.
  func start() { pulse() }

  /// Ends without giving the seats back: members who connect to another gateway meanwhile do not flicker, and the others
  /// are taken back when the lease is over.
  func close() {
    isClosed = true
    timer?.cancel()
  }

  /// A connection of the member is in the channel.
  func sit(_ seat: Seat, _ listing: ChannelGrant.Listing, isHidden: Bool) {
    if seats[seat] == nil { counts[seat.channel, default: 0] += 1 }
    seats[seat, default: State()].connections += 1
    want(isHidden ? nil : listing, for: seat)
  }

  /// What is shown of the member has changed; nil when nothing may be shown.
  func show(_ listing: ChannelGrant.Listing?, for seat: Seat) {
    if seats[seat] != nil { want(listing, for: seat) }
  }

  /// A connection of the member has left the channel.
  func stand(_ seat: Seat) {
    guard let count = seats[seat]?.connections, count > 0 else { return }
    seats[seat]?.connections = count - 1
    if count == 1 { want(nil, for: seat) }
  }

  /// Returns when Redis knows of the seat what it is to know.
  func settle(_ seat: Seat) async {
    guard let state = seats[seat], state.wanted != state.entered || state.isUnderWay else { return }
    let promise = Promise<Void>()
    seats[seat]?.waiting.append(promise)
    // Cancelled or not, it goes on from here.
    try? await promise.value
  }

  private func want(_ listing: ChannelGrant.Listing?, for seat: Seat) {
    seats[seat]?.wanted = listing
    note(seat)
  }

  private func note(_ seat: Seat) {
    dirty.append(seat)
    work()
  }

  // MARK: The worker

  private func work() {
    while !isClosed, underWay < Self.limit, let seat = dirty.popLast() {
      guard let state = seats[seat], !state.isUnderWay else { continue }
      guard state.wanted != state.entered else {
        for promise in state.waiting { promise.fulfil(()) }
        seats[seat]?.waiting = []
        if state.connections == 0, state.entered == nil { forget(seat) }
        continue
      }
      seats[seat]?.isUnderWay = true
      underWay += 1
      Loop.task { await self.step(seat) }
    }
  }

  private func step(_ seat: Seat) async {
    let state = seats[seat] ?? State()
    do {
      if let listing = state.wanted {
        try await store.enter(seat, listing, isNew: state.entered != nil)
      } else {
        try await store.leave(seat)
      }
      seats[seat]?.entered = state.wanted
      backoff.reset()
    } catch {
      log.limited().warning("the list of a channel was not changed", ["error": "\(error)"])
      try? await Loop.sleep(for: backoff.next())
    }
    seats[seat]?.isUnderWay = false
    underWay -= 1
    note(seat)
  }

  private func forget(_ seat: Seat) {
    seats[seat] = nil
    let left = counts[seat.channel, default: 1] - 1
    counts[seat.channel] = left > 0 ? left : nil
    // A note too many does no harm: whoever buries this gateway finds no seat there.
    if left <= 0 { Loop.task { try? await self.store.forget(seat.channel) } }
  }

  // MARK: Leases

  private func pulse() {
    guard !isClosed else { return }
    timer = Loop.schedule(after: Self.interval) { [weak self] in self?.pulse() }
    Loop.task { [weak self] in await self?.beat() }
  }

  /// Says that this gateway lives, and takes back the seats of those that do not.
  func beat() async {
    do {
      let wasKnown = try await store.renew(now: .now)
      if !wasKnown { enterAgain() }
      isKnown = true
      for dead in try await store.silent(since: .now - Self.lease) where dead != store.gateway {
        log.info("taking back the seats of a gateway that is gone", ["gateway": dead])
        try await store.bury(dead)
      }
    } catch {
      log.limited().warning("the lease of this gateway was not renewed", ["error": "\(error)"])
    }
  }

  /// Redis does not know what it was told: tells it again.
  private func enterAgain() {
    // At the start there is nothing yet that could be forgotten.
    guard isKnown || !seats.isEmpty else { return }
    for seat in seats.keys {
      seats[seat]?.entered = nil
      dirty.append(seat)
    }
    work()
    wasForgotten()
  }
}
