import Wire

extension HTTPRequestHead {
  /// Whether the client's copy has this entity tag (`If-None-Match`, RFC 9110, section 13.1.2).
  func lists(tag: String) -> Bool {
    guard let tags = self["if-none-match"] else { return false }
    return tags == "*"
      || tags.split(separator: ",").contains { candidate in
        let candidate = candidate.drop { $0 == " " }
        return (candidate.hasPrefix("W/") ? candidate.dropFirst(2) : candidate).prefix { $0 != " " } == tag
      }
  }
}
