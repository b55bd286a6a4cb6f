import MessagingAPI

/// What a group is called, and the words that are kept with it.
struct Label: Codable, Equatable {
  var title: Title?
  var metadata: [String: String] = [:]

  /// Takes over what `other` has, and leaves the rest as it is.
  mutating func take(title: Title?, metadata: [String: String]?) {
    self.title = title ?? self.title
    self.metadata = metadata ?? self.metadata
  }
}
