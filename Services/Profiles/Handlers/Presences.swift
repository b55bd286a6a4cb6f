import Contract
import EventLoop
import Mesh
import PresenceAPI
import ProfilesAPI

/// What presence tells about members, so that they can be found by it.
extension ProfilesService {
  func take(_ fact: PresenceFact, _ tx: Tx) async throws {
    guard let status = OnlineStatus(rawValue: fact.status.rawValue),
      let visibleTo = Audience(rawValue: fact.visibleTo.rawValue)
    else { preconditionFailure("presence knows a status or an audience that profiles do not") }
    let presence = KnownPresence(
      status: status, visibleTo: visibleTo, activeAt: fact.lastActive, version: fact.version, now: tx.now)
    let (before, isNews) = try await Stores(tx).presences.take(presence, of: fact.member)
    let isFoundByIt = before?.status != presence.status || before?.visibleTo != presence.visibleTo
    if isNews, isFoundByIt { try await Stores(tx).list(fact.member) }
  }

  /// Makes those offline whose status nobody has confirmed, a hundred at a time.
  func lapseStatuses() async throws {
    var isMore = true
    while isMore {
      let lapsed = try await mesh.transaction { tx in
        let members = try await Stores(tx).presences.lapse(now: tx.now, atMost: 100)
        for member in members.sorted() { try await Stores(tx).list(member) }
        return members.count
      }
      isMore = lapsed == 100
    }
  }
}
