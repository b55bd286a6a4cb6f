import Contract
import EventLoop
import Foundation
import IdentityAPI
import Mesh
import MessagingAPI
import PresenceAPI
import ProfilesAPI
import Storage

/// Profiles: who members are to others, what they offer and want, and how they are found. This page is all that it does;
/// how is in `Handlers/`, by the same names.
@Loop struct ProfilesService {
  let mesh: MeshService
  let options: ProfilesOptions
  /// Where pictures are kept.
  let storage: any ObjectStorage
  let pictures = PictureMaker()

  init(_ mesh: MeshService, _ options: ProfilesOptions) {
    (self.mesh, self.options) = (mesh, options)
    storage = options.storage.open { .now }
  }

  /// Says what the service does, and has it ready to do it.
  func start() async throws {
    mesh.publishes(
      ProfileChanged.self, BecameProvider.self, CeasedToBeProvider.self, SkillAdded.self, SkillChanged.self,
      SkillRemoved.self, TaxonomyChanged.self)

    mesh.read(OwnProfile.self) { request, context, database in
      try await ownProfile(request, context, Stores(database))
    }
    mesh.write(ChangeProfile.self, preparing: profileIsThere, changeProfile)
    mesh.ticket(for: SetAvatar.self) { _, _ in UploadTicket() }
    mesh.write(SetAvatar.self, preparing: prepareAvatar, setAvatar)
    mesh.write(RemoveAvatar.self, preparing: profileIsThere, removeAvatar)
    mesh.fire(PictureDue.self, pictureDue)
    // Nobody makes a picture for so long.
    Loop.task { [pictures] in await pictures.sweep(before: Date(timeIntervalSinceNow: -3600)) }

    mesh.read(SkillCategories.self) { request, context, database in
      try await skillCategories(request, context, Stores(database))
    }
    mesh.read(Skills.self) { request, context, database in try await skills(request, context, Stores(database)) }
    mesh.read(OwnSkills.self) { request, context, database in try await ownSkills(request, context, Stores(database)) }
    mesh.write(AddSkill.self, preparing: profileIsThere, addSkill)
    mesh.write(ChangeSkill.self, changeSkill)
    mesh.write(RemoveSkill.self, removeSkill)
    mesh.write(AddTaxonomySkill.self, addTaxonomySkill)
    mesh.write(ChangeTaxonomySkill.self, changeTaxonomySkill)
    mesh.write(AddCategory.self, addCategory)
    mesh.fire(RelistingDue.self, relistingDue)

    mesh.read(ProfileOf.self) { request, context, database in try await profileOf(request, context, Stores(database)) }
    mesh.answer(SearchMembers.self, searchMembers)

    mesh.handle(MemberRegistered.self, memberRegistered)
    mesh.handle(EmailVerified.self, emailVerified)
    mesh.handle(MemberSuspended.self) { event, tx in try await shutOut(event.member, true, tx) }
    mesh.handle(MemberBanned.self) { event, tx in try await shutOut(event.member, true, tx) }
    mesh.handle(MemberRestored.self) { event, tx in try await shutOut(event.member, false, tx) }

    mesh.handle(CameOnline.self) { event, tx in try await take(event.fact, tx) }
    mesh.handle(WentOffline.self) { event, tx in try await take(event.fact, tx) }
    mesh.handle(StatusChanged.self) { event, tx in try await take(event.fact, tx) }
    mesh.handle(StatusConfirmed.self) { event, tx in try await take(event.fact, tx) }
    mesh.repeats(every: .seconds(5), "lapsing unconfirmed statuses", lapseStatuses)

    mesh.handle(MemberBlocked.self) { event, tx in
      try await Stores(tx).connections.block(event.blocked, by: event.member)
    }
    mesh.handle(MemberUnblocked.self) { event, tx in
      try await Stores(tx).connections.unblock(event.blocked, by: event.member)
    }
    mesh.handle(ConversationOpened.self) { event, tx in
      try await Stores(tx).connections.join(event.conversation.value, event.participants)
    }
    mesh.handle(ParticipantsJoined.self) { event, tx in
      try await Stores(tx).connections.join(event.conversation.value, event.members)
    }
    mesh.handle(ParticipantLeft.self) { event, tx in
      try await Stores(tx).connections.leave(event.conversation.value, event.member)
    }
    mesh.handle(ResponseMetricsChanged.self) { event, tx in
      let known = KnownResponse(
        ratePercent: event.responseRatePercent, averageMinutes: event.averageMinutes, isHidden: event.isHidden)
      try await Stores(tx).responses.save(known, of: event.member)
    }

    if options.development { mesh.write(MakeMembers.self, makeMembers) }
  }
}
