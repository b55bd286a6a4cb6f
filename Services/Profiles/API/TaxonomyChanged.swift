import Contract

/// Staff have changed the taxonomy: copies of it with a lower version are outdated.
public struct TaxonomyChanged: Event, Equatable {
  public static let name = "profiles.taxonomy-changed"
  /// There is one taxonomy.
  public var subject: UniqueID { Self.taxonomy }

  /// Stands for the taxonomy where something must.
  public static let taxonomy = UniqueID(high: 0x019b_76da_a800_7000, low: 0x8000_0000_0000_0000)

  /// The taxonomy's new version.
  public let version: Int

  /// States the fact.
  public init(version: Int) { self.version = version }
}
