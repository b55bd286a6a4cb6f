import Contract
import EventLoop
import Mesh
import ProfilesAPI

/// Something to look at and to measure with.
extension ProfilesService {
  func makeMembers(_ request: MakeMembers, _ context: Context, _ tx: Tx) async throws -> MakeMembers.Reply {
    guard case .service("operator", _) = context.caller else { throw MakeMembers.Refusal.notAllowed }
    let skills = try await Stores(tx).taxonomy.all()
    let population = Population(seed: request.seed, skills: skills)
    let numbers = request.first.number..<request.first.number + request.count.number
    let members = try numbers.map { try population.inhabitant($0, now: tx.now) }
    let slugs = Dictionary(uniqueKeysWithValues: skills.map { ($0.id, $0.slug) })
    return MakeMembers.Reply(made: try await Stores(tx).population.add(members, slugs: slugs))
  }
}
