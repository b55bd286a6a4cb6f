import Contract
import EventLoop
import Foundation
import Postgres
import ProfilesAPI

/// Profiles, in `profiles`.
@Loop struct ProfileStore {
  private let database: any Querying

  init(_ database: any Querying) { self.database = database }

  /// The profile, not locked.
  func find(_ member: MemberID) async throws -> MemberProfile? {
    try await database.query("\(Self.select) where member_id = \(member)").first.map(Self.profile)
  }

  /// The profiles of `members` that there are.
  func find(_ members: [MemberID]) async throws -> [MemberID: MemberProfile] {
    let rows = try await database.query("\(Self.select) where member_id = any(\(members))")
    return Dictionary(uniqueKeysWithValues: try rows.map(Self.profile).map { ($0.id, $0) })
  }

  /// The profile, locked until the transaction ends.
  func load(_ member: MemberID) async throws -> MemberProfile? {
    try await database.query("\(Self.select) where member_id = \(member) for no key update").first.map(Self.profile)
  }

  /// Whether anybody shows a picture.
  func isShown(_ picture: Picture) async throws -> Bool {
    try await !database.query("select from profiles where avatar = \(picture.digest) limit 1").isEmpty
  }

  /// Adds a profile; one that is there stays as it is.
  func add(_ profile: MemberProfile) async throws {
    try await database.query(
      """
      insert into profiles (member_id, email, email_verified, first_name, last_name, created_at)
      values (\(profile.id), \(profile.email), \(profile.emailVerified), \(profile.firstName.text),
        \(profile.lastName.text), \(profile.createdAt))
      on conflict (member_id) do nothing
      """)
  }

  /// Stores what may have changed of a profile that was loaded.
  func save(_ profile: MemberProfile) async throws {
    try await database.query(
      """
      update profiles set email = \(profile.email), email_verified = \(profile.emailVerified),
        first_name = \(profile.firstName.text), last_name = \(profile.lastName.text), bio = \(profile.bio?.text),
        location = \(profile.location?.text), timezone = \(profile.timezone?.text),
        languages = \(profile.languages.map(\.text)), learning_style = \(profile.learningStyle?.rawValue),
        preferences = \(try Self.json(profile.preferences)), privacy = \(try Self.json(profile.privacy)),
        avatar = \(profile.picture?.digest), is_shut_out = \(profile.isShutOut), version = \(profile.version)
      where member_id = \(profile.id)
      """)
  }

  private static let select: SQL = """
    select member_id, created_at, email, email_verified, first_name, last_name, bio, location, timezone, languages,
      learning_style, preferences, privacy, avatar, is_shut_out, version
    from profiles
    """

  private static func profile(_ row: Row) throws -> MemberProfile {
    let (id, createdAt, email, emailVerified, firstName, lastName, bio, location, timezone, languages, style) =
      try row.decode(
        MemberID.self, Timestamp.self, String?.self, Bool.self, ProfileName.self, ProfileName.self, Biography?.self,
        Place?.self, ZoneName?.self, [String].self, LearningStyle?.self)
    return MemberProfile(
      id: id, createdAt: createdAt, email: email, emailVerified: emailVerified, firstName: firstName,
      lastName: lastName, bio: bio, location: location, timezone: timezone,
      languages: languages.compactMap { LanguageTag($0) }, learningStyle: style,
      preferences: try value(row.decode("preferences")), privacy: try value(row.decode("privacy")),
      picture: try row.decode("avatar", as: String?.self).map { Picture(digest: $0) },
      isShutOut: try row.decode("is_shut_out"), version: try row.decode("version"))
  }

  private static func json(_ value: some Encodable) throws -> JSONDocument {
    JSONDocument(Array(try JSONEncoder().encode(value)))
  }

  private static func value<Value: Decodable>(_ document: JSONDocument) throws -> Value {
    try JSONDecoder().decode(Value.self, from: Data(document.bytes))
  }
}

extension LearningStyle: PostgresDecodable {}
extension ProfileName: PostgresDecodable {}
extension Biography: PostgresDecodable {}
extension Place: PostgresDecodable {}
extension SkillDescription: PostgresDecodable {}

extension PostgresDecodable where Self: RuledText {
  /// Reads a column that holds such text.
  public init(postgres cell: Cell) throws {
    do { try self.init(String(postgres: cell)) } catch is InvalidValue { throw cell.mismatch(Self.self) }
  }
}

extension ZoneName: PostgresDecodable {
  /// Reads a column that holds a name.
  public init(postgres cell: Cell) throws {
    guard let zone = ZoneName(try String(postgres: cell)) else { throw cell.mismatch(ZoneName.self) }
    self = zone
  }
}
