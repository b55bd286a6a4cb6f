/// How somebody learns best.
public enum LearningStyle: String, Sendable, Codable, CaseIterable {
  /// By looking.
  case visual
  /// By listening.
  case auditory
  /// By reading and writing.
  case reading
  /// By doing.
  case kinesthetic
}
