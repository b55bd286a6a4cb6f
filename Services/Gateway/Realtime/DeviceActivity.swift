import Contract
import EventLoop
import Mesh

/// What this gateway notices of members' devices, told to presence: sockets that open and close, and that somebody is there.
///
/// Mere activity is told at most once in 30 s for each device. Answers to pings are none. Where an app is is told at once
/// when that changes; a client that says with each heartbeat that it is in front is merely active.
@Loop final class DeviceActivity {
  /// Devices whose last request is remembered; beyond, all are forgotten.
  private static let capacity = 100_000

  private let interval: Duration
  private let note: @Loop (DeviceSignal) -> Void
  private var requests: [AuthSessionID: ContinuousClock.Instant] = [:]

  /// Tells `note` what it notices; at a scale of the product's times.
  init(scale: Double = 1, note: @escaping @Loop (DeviceSignal) -> Void) {
    interval = .seconds(30) * scale
    self.note = note
  }

  /// A member has asked something over HTTP.
  func requested(_ member: MemberID, _ signIn: AuthSessionID) {
    if let last = requests[signIn], last.duration(to: Loop.now) < interval { return }
    if requests.count >= Self.capacity { requests = [:] }
    requests[signIn] = Loop.now
    note(DeviceSignal(member: member, device: signIn.description, kind: .active, at: .now))
  }

  /// A socket was signed in.
  func opened(_ session: Session) {
    session.lastActivity = Loop.now
    tell(session, .opened)
  }

  /// The client has done something itself.
  func active(_ session: Session) { if isDue(session) { tell(session, .active) } }

  private func isDue(_ session: Session) -> Bool {
    if let last = session.lastActivity, last.duration(to: Loop.now) < interval { return false }
    session.lastActivity = Loop.now
    return true
  }

  /// The client says where its app is.
  func moved(_ session: Session, toForeground isForeground: Bool) {
    guard session.isForeground != isForeground else {
      // Whoever has forgotten a device takes it for one in front.
      if isDue(session) { tell(session, isForeground ? .active : .background) }
      return
    }
    session.isForeground = isForeground
    session.lastActivity = Loop.now
    tell(session, isForeground ? .foreground : .background)
  }

  /// A socket is still open: told when presence's live state may have been lost, without which nobody would learn from the
  /// socket's end that the member has gone. It is no activity.
  func isOpen(_ session: Session) {
    guard let signedIn = session.signedIn, let opened = session.lastActivity else { return }
    let last = max(opened, requests[signedIn.session] ?? opened)
    tell(session, session.isForeground == false ? .background : .opened, at: .now - last.duration(to: Loop.now))
  }

  /// A socket that was signed in is gone; nothing was heard of its client for `silence`.
  func closed(_ session: Session, isOrderly: Bool, silentFor silence: Duration = .zero) {
    tell(session, isOrderly ? .closed : .lost, at: .now - silence)
  }

  private func tell(_ session: Session, _ kind: DeviceSignal.Kind, at time: Timestamp = .now) {
    guard let signedIn = session.signedIn else { return }
    note(
      DeviceSignal(
        member: signedIn.member, device: session.device ?? signedIn.session.description, kind: kind,
        connection: UInt32(truncatingIfNeeded: session.id.number), at: time))
  }
}
