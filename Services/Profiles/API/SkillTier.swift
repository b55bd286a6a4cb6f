/// How well somebody masters a skill, in words.
public enum SkillTier: String, Sendable, Codable, CaseIterable, Comparable {
  /// 0 to 24.
  case beginner
  /// 25 to 49.
  case intermediate
  /// 50 to 74.
  case advanced
  /// 75 to 100.
  case expert

  /// The tier that a proficiency belongs to.
  public init(_ proficiency: Proficiency) {
    self =
      switch proficiency.number {
      case ..<25: .beginner
      case ..<50: .intermediate
      case ..<75: .advanced
      default: .expert
      }
  }

  /// By mastery.
  public static func < (left: SkillTier, right: SkillTier) -> Bool {
    allCases.firstIndex(of: left)! < allCases.firstIndex(of: right)!
  }
}

/// What somebody does with a skill.
public enum SkillKind: String, Sendable, Codable, CaseIterable {
  /// They offer it.
  case teaching
  /// They want it.
  case learning
}
