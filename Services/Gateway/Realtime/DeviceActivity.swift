import Contract
import EventLoop
import Mesh

/// What this gateway notices of members' devices, told to presence: sockets that open and close, and that somebody is there.
///
/// Mere activity is told at most once in 30 s for each device. Answers to pings are none.
@Loop final class DeviceActivity {
  private static let interval = Duration.seconds(30)
  /// Devices whose last request is remembered; beyond, all are forgotten.
  private static let capacity = 100_000

  private let note: @Loop (DeviceSignal) -> Void
  private var requests: [AuthSessionID: ContinuousClock.Instant] = [:]

  init(note: @escaping @Loop (DeviceSignal) -> Void) { self.note = note }

  /// A member has asked something over HTTP.
  func requested(_ member: MemberID, _ signIn: AuthSessionID) {
    if let last = requests[signIn], last.duration(to: Loop.now) < Self.interval { return }
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
  func active(_ session: Session) {
    if let last = session.lastActivity, last.duration(to: Loop.now) < Self.interval { return }
    session.lastActivity = Loop.now
    tell(session, .active)
  }

  /// The client says where its app is.
  func moved(_ session: Session, toForeground isForeground: Bool) {
    session.lastActivity = Loop.now
    tell(session, isForeground ? .foreground : .background)
  }

  /// A socket that was signed in is gone.
  func closed(_ session: Session, isOrderly: Bool) { tell(session, isOrderly ? .closed : .lost) }

  private func tell(_ session: Session, _ kind: DeviceSignal.Kind) {
    guard let signedIn = session.signedIn else { return }
    note(
      DeviceSignal(
        member: signedIn.member, device: session.device ?? signedIn.session.description, kind: kind,
        connection: UInt32(truncatingIfNeeded: session.id.number), at: .now))
  }
}
