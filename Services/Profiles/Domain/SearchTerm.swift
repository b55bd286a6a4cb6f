import Contract
import Foundation
import ProfilesAPI

/// Something that a member can be found by, as one word of the index.
enum SearchTerm {
  /// The member offers at least one skill.
  static let provider = "provider"
  /// A skill that the member offers was confirmed.
  static let verified = "verified"

  /// A skill is offered, at this tier or a higher one.
  static func skill(_ slug: String, _ tier: SkillTier? = nil) -> String { "skill:\(slug)\(suffix(tier))" }
  /// A skill is offered and was confirmed.
  static func verifiedSkill(_ slug: String) -> String { "skill:\(slug):verified" }
  /// A skill of this category is offered, at this tier or a higher one.
  static func category(_ slug: String, _ tier: SkillTier? = nil) -> String { "category:\(slug)\(suffix(tier))" }
  /// A skill of this category is offered and was confirmed.
  static func verifiedCategory(_ slug: String) -> String { "category:\(slug):verified" }
  /// Any skill is offered, at this tier or a higher one.
  static func tier(_ tier: SkillTier) -> String { "tier:\(tier.rawValue)" }
  /// The member is there.
  static func status(_ status: OnlineStatus) -> String { "status:\(status.rawValue)" }

  /// A language is spoken: the tag itself and each shorter one that it begins with, so that `de` finds `de-AT`.
  static func languages(_ tag: LanguageTag) -> [String] {
    let parts = tag.text.lowercased().split(separator: "-")
    return parts.indices.map { "language:" + parts[...$0].joined(separator: "-") }
  }

  /// The words of a location.
  static func words(of place: Place) -> [String] {
    let words = plain(place.text).split { !$0.isLetter && !$0.isNumber }
    return Set(words.map { "place:\($0)" }).sorted()
  }

  /// Text as it is compared: in lower case and without accents, whatever the database thinks of letters.
  static func plain(_ text: String) -> String {
    text.folding(options: [.diacriticInsensitive, .caseInsensitive, .widthInsensitive], locale: nil)
  }

  /// The terms that a skill which is offered gives.
  static func terms(of skill: MemberSkill, slug: String) -> [String] {
    let tiers = SkillTier.allCases.filter { $0 <= skill.tier && $0 > .beginner }
    var terms = [self.skill(slug), category(skill.category)]
    for tier in tiers { terms += [self.skill(slug, tier), category(skill.category, tier), self.tier(tier)] }
    if skill.verified { terms += [verified, verifiedSkill(slug), verifiedCategory(skill.category)] }
    return terms
  }

  // Whoever offers anything offers it as a beginner at least: that tier needs no terms of its own.
  private static func suffix(_ tier: SkillTier?) -> String {
    guard let tier, tier > .beginner else { return "" }
    return ":\(tier.rawValue)"
  }
}
