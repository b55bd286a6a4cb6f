import Contract
import EventLoop
import Foundation
import IdentityAPI
import Mesh
import ProfilesAPI
import ServiceKit
import Storage
import TestKit

/// Profiles, with what other services tell it.
@Loop final class ProfilesWorld: ServiceWorld {
  /// Where the service keeps pictures.
  private(set) var storage: LocalStorage!

  /// Starts the service.
  init() async throws {
    try await super.init("profiles", hearing: ["identity", "messaging", "presence"])
    storage = LocalStorage(root: "\(broker.folder.path)/media")
    try await start(0, ["STORAGE_URL=file://\(storage.root)", "DEVELOPMENT=true"])
  }

  /// Somebody who has just registered.
  func register(_ firstName: String) throws -> MemberID {
    let member = MemberID(at: .now)
    try tell(
      MemberRegistered(
        member: member, firstName: PersonName(firstName), lastName: PersonName("Test"), referralCode: nil,
        email: EmailAddress("\(firstName)@example.org")))
    return member
  }

  /// What a client gets who sends a picture: the gateway keeps it, asks, and removes it again.
  func send(_ picture: [UInt8], as member: MemberID) async throws -> Result<Avatar, Problem> {
    let key = ObjectKey(incoming: UniqueID(at: .now))
    try await storage.put(.bytes(picture), as: key, type: "image/png")
    let request = SetAvatar(object: key, size: picture.count)
    let answer = try await ask(request, as: member, object: key)
    try await storage.remove(key)
    return answer
  }

  /// The names of the pictures that are kept.
  var pictures: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: "\(storage.root)/public/profiles")) ?? []).sorted()
  }

  /// The skill of the taxonomy with this slug.
  func skill(_ slug: String, as member: MemberID) async throws -> SkillID {
    let found = try await ask(Skills(), as: member, query: "q=\(slug)").get().items
    return found.first { $0.slug == slug }!.id
  }
}
