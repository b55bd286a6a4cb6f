import Contract

/// The members in a presence channel's list, as far as this process knows, and what its subscribers are to be told.
///
/// Each change has a version, counted in Redis; after a gap the list is read whole. Hidden members stay in it, so that
/// they can be shown again, but nobody is told of them.
struct Roster {
  /// What a change means for those who see the list.
  enum Change: Equatable {
    case added(MemberID, ChannelGrant.Listing)
    case removed(MemberID)
  }

  private var members: [MemberID: ChannelGrant.Listing] = [:]
  /// Nil until the list was read.
  private(set) var version: UInt64?

  /// What is shown, in the order of ids.
  func shown(without hidden: Set<MemberID>) -> [(member: MemberID, listing: ChannelGrant.Listing)] {
    members.filter { !hidden.contains($0.key) }.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  /// What there is to show of `member`; nil when they are not there.
  func listing(of member: MemberID) -> ChannelGrant.Listing? { members[member] }

  /// Takes a change. Returns nil when changes before it were not heard: read the list.
  mutating func take(_ change: Change, version next: UInt64) -> [Change]? {
    guard let version else { return nil }
    if next <= version { return [] }
    guard next == version + 1 else { return nil }
    self.version = next
    return apply(change)
  }

  private mutating func apply(_ change: Change) -> [Change] {
    switch change {
    case .added(let member, let listing):
      let known = members.updateValue(listing, forKey: member)
      guard let known else { return [change] }
      return known == listing ? [] : [.removed(member), change]
    case .removed(let member): return members.removeValue(forKey: member) == nil ? [] : [change]
    }
  }

  /// Takes the whole list, and returns by what it differs.
  mutating func replace(_ list: [MemberID: ChannelGrant.Listing], version: UInt64) -> [Change] {
    // A change that was heard meanwhile is newer than what was read. After a flush versions are higher than before.
    if let known = self.version, version < known, version > 0 { return [] }
    var changes: [Change] = []
    for member in members.keys.sorted() where list[member] == nil { changes += apply(.removed(member)) }
    for (member, listing) in list.sorted(by: { $0.key < $1.key }) { changes += apply(.added(member, listing)) }
    self.version = version
    return changes
  }
}
