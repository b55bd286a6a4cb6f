import Contract
import EventLoop
import IdentityAPI
import Mesh
import ProfilesAPI

/// What members do with their own profiles, and what identity tells about them.
extension ProfilesService {
  func ownProfile(_ request: OwnProfile, _ context: Context, _ stores: Stores) async throws -> Profile {
    try await profileIsThere(request, context)
    let member = try context.member
    guard let profile = try await stores.profiles.find(member) else { throw Self.notThereYet }
    return profile.own(with: try await stores.skills.all(of: member))
  }

  func changeProfile(_ request: ChangeProfile, _: Void, _ context: Context, _ tx: Tx) async throws -> Profile {
    var profile = try await load(context, tx)
    try context.checkMatch(profile.entityTag)
    let before = profile.version
    do {
      if let event = try profile.apply(request) { try tx.emit(event) }
    } catch let field as InvalidField {
      throw Problem(field)
    }
    let skills = try await Stores(tx).skills.all(of: profile.id)
    if profile.version != before { try await save(profile, skills, tx) }
    return profile.own(with: skills)
  }

  /// Waits until identity's word of a new member has come: whoever has just registered is faster than it at times.
  func profileIsThere(_ request: some Endpoint, _ context: Context) async throws {
    let (member, store) = (try context.member, Stores(mesh.database).profiles)
    let deadline = ContinuousClock.now + .seconds(5)
    while try await store.find(member) == nil {
      guard ContinuousClock.now < deadline else { throw Self.notThereYet }
      try await Loop.sleep(for: .milliseconds(25))
    }
  }

  /// The asker's own profile, locked.
  func load(_ context: Context, _ tx: Tx) async throws -> MemberProfile {
    guard let profile = try await Stores(tx).profiles.load(context.member) else { throw Self.notThereYet }
    return profile
  }

  private static var notThereYet: Problem {
    Problem(503, "profile_not_ready", "The profile is being made. Try again in a moment.")
  }

  /// Stores a profile that was loaded, and what the member can be found by.
  func save(_ profile: MemberProfile, _ skills: SkillSet, _ tx: Tx) async throws {
    try await Stores(tx).profiles.save(profile)
    try await Stores(tx).list(profile, skills)
  }

  // MARK: What identity tells

  func memberRegistered(_ event: MemberRegistered, _ tx: Tx) async throws {
    let profile = MemberProfile(
      of: event.member, firstName: try ProfileName(event.firstName.text),
      lastName: try ProfileName(event.lastName.text),
      email: event.email?.text, now: tx.now)
    try await Stores(tx).profiles.add(profile)
    try await Stores(tx).list(event.member)
  }

  func emailVerified(_ event: EmailVerified, _ tx: Tx) async throws {
    guard var profile = try await Stores(tx).profiles.load(event.member) else { return }
    profile.prove(email: event.email.text)
    try await Stores(tx).profiles.save(profile)
  }

  /// Somebody who is suspended or banned is shown to nobody until they are restored.
  func shutOut(_ member: MemberID, _ isShutOut: Bool, _ tx: Tx) async throws {
    guard var profile = try await Stores(tx).profiles.load(member) else { return }
    profile.shutOut(isShutOut)
    try await save(profile, try await Stores(tx).skills.all(of: member), tx)
  }
}

extension Problem {
  /// One field is wrong.
  init(_ field: InvalidField) {
    self.init(
      422, "invalid_fields", "Some fields are not as they must be; see errors.",
      errors: [Field(pointer: field.pointer, code: field.value.code, detail: field.value.detail)])
  }
}
