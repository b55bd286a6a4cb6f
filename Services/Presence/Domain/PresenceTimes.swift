/// After how long what is known of a device means something else.
struct PresenceTimes: Equatable, Sendable {
  /// Whoever was active within this is there.
  let attention: Duration
  /// After so long without activity, or in the background, a device says nothing any more.
  let absence: Duration
  /// A device whose last connection was closed stays for so long: a page that is loaded again does not flicker.
  let reload: Duration
  /// A device whose last connection broke off is waited for until so long after it was last heard of: with the time that
  /// it takes to notice and to tell, others know within 45 s.
  let loss: Duration
  /// A status that is told to others holds for so long...
  let validity: Duration
  /// ...and is confirmed in the middle of it.
  var confirmation: Duration { validity / 2 }
  /// A gateway that is silent for so long is dead, if the feed was heard all the time. So it is with the heartbeats of a
  /// device: nothing is concluded from a silence in which nobody could be heard.
  let silence: Duration
  /// How often the feed that gateways speak on is tried...
  let trial: Duration
  /// ...and after how long without a trial that succeeds it was not heard all the time.
  let deafness: Duration
  /// After Redis has lost everything, the devices that are there have been heard of again within this.
  let recovery: Duration

  /// The product's times, all multiplied by `scale`.
  init(scale: Double = 1) {
    attention = .seconds(5 * 60) * scale
    absence = .seconds(15 * 60) * scale
    reload = .seconds(10) * scale
    loss = .seconds(41) * scale
    // A gateway says that it lives each 10 s, and ten times as often at most.
    let life = Duration.seconds(10) * max(scale, 0.1)
    (silence, trial, deafness) = (life * 3.5, life / 2, life * 1.2)
    validity = .seconds(20 * 60) * scale
    recovery = .seconds(60) * scale
  }
}
