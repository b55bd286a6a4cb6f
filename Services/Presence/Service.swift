import Contract
import EventLoop
import IdentityAPI
import Mesh
import MessagingAPI
import PresenceAPI
import ProfilesAPI
import Telemetry

/// Presence: who is there, and who may know. This page is all that it does; how is in `Handlers/`, by the same names.
@Loop struct PresenceService {
  let mesh: MeshService
  let options: PresenceOptions
  let rule: StatusRule
  let live: LiveStore
  let meters: Meters

  init(_ mesh: MeshService, _ options: PresenceOptions) throws {
    (self.mesh, self.options) = (mesh, options)
    rule = StatusRule(times: PresenceTimes(scale: options.timeScale))
    live = try LiveStore(url: options.redisURL.exposed.text, replica: options.mesh.replica)
    meters = Meters(mesh.metrics)
  }

  /// Says what the service does, and has it ready to do it.
  func start() async throws {
    mesh.publishes(
      CameOnline.self, WentOffline.self, StatusChanged.self, StatusConfirmed.self, QuietHoursChanged.self)
    mesh.pushes(UserStatusChange.self, on: WatchPresence.pattern)
    mesh.shares(HiddenMember.self)

    mesh.answer(PresenceOf.self) { request, context in try await presence(of: request.userId, context) }
    mesh.answer(StatusOf.self) { request, context in try await presence(of: request.userId, context) }
    mesh.answer(PresenceQuery.self, presenceQuery)
    mesh.answer(WhoIsOnline.self, whoIsOnline)
    mesh.answer(PresenceCounts.self, presenceCounts)

    mesh.answer(WatchPresence.self, watch)

    mesh.answer(Heartbeat.self, heartbeat)
    mesh.hears(tryingEach: rule.times.trial, hear)

    mesh.write(ChooseStatus.self, chooseStatus)
    mesh.read(PrivacySettings.self) { _, context, database in
      try await MemberStore(database).find(context.member).privacy
    }
    mesh.write(ChangePrivacy.self, changePrivacy)
    mesh.read(ProviderSettings.self) { _, context, database in
      try await MemberStore(database).find(context.member).availability ?? Availability()
    }
    mesh.write(ChangeProviderSettings.self, changeProviderSettings)

    mesh.handle(MemberRegistered.self) { event, tx in
      try await MemberStore(tx).introduce(event.member, first: event.firstName.text, last: event.lastName.text)
    }
    mesh.handle(ProfileChanged.self) { event, tx in
      try await MemberStore(tx).name(
        event.member, first: event.firstName.text, last: event.lastName.text, avatar: event.avatar)
    }
    mesh.handle(BecameProvider.self) { event, tx in try await MemberStore(tx).mark(event.member, isProvider: true) }
    mesh.handle(CeasedToBeProvider.self) { event, tx in
      try await MemberStore(tx).mark(event.member, isProvider: false)
    }

    mesh.handle(ConversationOpened.self, conversationOpened)
    mesh.handle(ParticipantsJoined.self, participantsJoined)
    mesh.handle(ParticipantLeft.self, participantLeft)
    mesh.handle(MemberBlocked.self, memberBlocked)
    mesh.handle(MemberUnblocked.self, memberUnblocked)

    mesh.fire(LookDue.self, lookDue)
    mesh.fire(ChoiceOver.self, choiceOver)

    mesh.repeats(every: sweepInterval, "sweeping", sweep)
    mesh.repeats(every: confirmInterval, "confirming statuses", confirm)
  }
}
