import Contract

/// Makes up members with profiles, skills and presence, for demonstrations and measurements; only the operator may, and only
/// in development. The same numbers of the same seed are the same members: making them again brings their presence up to
/// date, which holds for a day, and changes nothing else.
///
/// They are known to profiles alone: nobody can sign in as one of them.
public struct MakeMembers: Endpoint {
  public static let name = "profiles.make-members"
  public static let route: Route? = nil

  /// What was done.
  public struct Reply: Codable, Sendable, Equatable {
    /// How many are new.
    public let made: Int

    /// Says how many.
    public init(made: Int) { self.made = made }
  }

  /// Why nobody was made.
  public enum Refusal: String, Contract.Refusal, CaseIterable {
    /// The service that asks is not the operator.
    case notAllowed = "not_allowed"

    public var status: Int { 403 }
    public var detail: String { "Only the operator may ask for this." }
  }

  /// What the population is made from.
  public let seed: Int
  /// The number of the first one, from 0.
  public let first: PopulationNumber
  /// How many.
  public let count: BatchSize

  /// Asks for members.
  public init(seed: Int, first: PopulationNumber, count: BatchSize) {
    (self.seed, self.first, self.count) = (seed, first, count)
  }
}
