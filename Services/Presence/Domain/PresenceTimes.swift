/// After how long what is known of a device means something else.
struct PresenceTimes: Equatable, Sendable {
  /// Whoever was active within this is there.
  let attention: Duration
  /// After so long without activity, or in the background, a device says nothing any more.
  let absence: Duration
  /// A device whose last connection was closed stays for so long: a page that is loaded again does not flicker.
  let reload: Duration
  /// A status that is told to others holds for so long...
  let validity: Duration
  /// ...and is confirmed in the middle of it.
  var confirmation: Duration { validity / 2 }
  /// A gateway that is silent for so long is dead. It sends something at least each 10 seconds, whatever the scale.
  let silence = Duration.seconds(35)
  /// After Redis has lost everything, the devices that are there have been heard of again within this.
  let recovery: Duration

  /// The product's times, all multiplied by `scale`.
  init(scale: Double = 1) {
    attention = .seconds(5 * 60) * scale
    absence = .seconds(15 * 60) * scale
    reload = .seconds(10) * scale
    validity = .seconds(20 * 60) * scale
    recovery = .seconds(60) * scale
  }
}
