import Contract
import EventLoop
import Foundation
import Postgres
import ProfilesAPI

/// Many made-up members at once, in the tables of the other stores.
@Loop struct PopulationStore {
  private let database: any Querying

  init(_ database: any Querying) { self.database = database }

  /// Adds them with what they can be found by; returns how many were not there. Whoever was there stays as they were, but
  /// for their presence, which is brought up to date.
  func add(_ members: [Population.Inhabitant], slugs: [SkillID: String]) async throws -> Int {
    let profiles = members.map(\.profile)
    let privacy = try profiles.map { String(decoding: try JSONEncoder().encode($0.privacy), as: UTF8.self) }
    // Empty text stands for nothing: arrays hold no nulls.
    let made = try await database.query(
      """
      insert into profiles (member_id, first_name, last_name, bio, location, timezone, languages, learning_style, privacy,
        created_at, version)
      select id, first_name, last_name, nullif(bio, ''), nullif(location, ''), nullif(timezone, ''),
        string_to_array(languages, ','), nullif(style, ''), privacy::jsonb, created_at, version
      from unnest(\(profiles.map(\.id)), \(profiles.map(\.firstName.text)), \(profiles.map(\.lastName.text)),
        \(profiles.map { $0.bio?.text ?? "" }), \(profiles.map { $0.location?.text ?? "" }),
        \(profiles.map { $0.timezone?.text ?? "" }), \(profiles.map { $0.languages.map(\.text).joined(separator: ",") }),
        \(profiles.map { $0.learningStyle?.rawValue ?? "" }), \(privacy), \(profiles.map(\.createdAt)),
        \(profiles.map(\.version)))
        made (id, first_name, last_name, bio, location, timezone, languages, style, privacy, created_at, version)
      on conflict (member_id) do nothing
      """
    ).affected
    let skills = members.flatMap { member in member.skills.all.map { (member.profile.id, $0) } }
    try await database.query(
      """
      insert into member_skills (id, member_id, skill_id, kind, proficiency, description)
      select id, member_id, skill_id, kind, proficiency, nullif(description, '')
      from unnest(\(skills.map(\.1.id)), \(skills.map(\.0)), \(skills.map(\.1.skillId)),
        \(skills.map(\.1.kind.rawValue)), \(skills.map(\.1.proficiency.number)),
        \(skills.map { $0.1.description?.text ?? "" }))
        made (id, member_id, skill_id, kind, proficiency, description)
      on conflict do nothing
      """)
    try await addPresences(members)
    try await addListings(members, slugs: slugs)
    return made
  }

  private func addPresences(_ members: [Population.Inhabitant]) async throws {
    let presences = members.map(\.presence)
    try await database.query(
      """
      insert into presences (member_id, status, visible_to, active_at, version, lapses_at)
      select * from unnest(\(members.map(\.profile.id)), \(presences.map(\.status.rawValue)),
        \(presences.map(\.visibleTo.rawValue)), \(presences.map { $0.activeAt ?? $0.lapsesAt }),
        \(presences.map(\.version)), \(presences.map(\.lapsesAt)))
      on conflict (member_id) do update set status = excluded.status, active_at = excluded.active_at,
        version = excluded.version, lapses_at = excluded.lapses_at
      where presences.version < excluded.version
      """)
  }

  private func addListings(_ members: [Population.Inhabitant], slugs: [SkillID: String]) async throws {
    let listings = members.compactMap { Listing($0.profile, $0.skills, slugs: slugs, $0.presence) }
    try await database.query(
      """
      insert into listings (member_id, listed_to, terms, contact_terms, tells_contacts_more, document, sort_name, rating,
        standing)
      select id, listed_to, string_to_array(terms, ' '), string_to_array(contact_terms, ' '), tells = 1,
        to_tsvector('simple', names) || to_tsvector('english', names || E'\\n' || text), names, rating, standing
      from unnest(\(listings.map(\.member)), \(listings.map(\.listedTo.rawValue)),
        \(listings.map { $0.terms.joined(separator: " ") }), \(listings.map { $0.contactTerms.joined(separator: " ") }),
        \(listings.map { $0.tellsContactsMore ? 1 : 0 }), \(listings.map(\.names)), \(listings.map(\.text)),
        \(listings.map(\.rating)), \(listings.map(\.standing)))
        made (id, listed_to, terms, contact_terms, tells, names, text, rating, standing)
      on conflict (member_id) do update set terms = excluded.terms, contact_terms = excluded.contact_terms
      where (listings.terms, listings.contact_terms) is distinct from (excluded.terms, excluded.contact_terms)
      """)
  }
}
