import EventLoop
import ProfilesAPI

/// One search, as a client asks it and as the bare statement does.
struct Search {
  var terms: [String] = []
  var word: String?
  var order = SearchMembers.Order.best
  /// Active within so many minutes.
  var minutes: Int?
  var isOffline = false
  /// Where it goes on.
  var page: Page?
  /// Whether somebody asks who has many contacts.
  var isSociable = false

  /// The end of a page.
  struct Page {
    let cursor: String
    let standing: Int
    let member: String
  }

  /// What a client sends.
  var query: String {
    var parts = terms.map { term in
      let halves = term.split(separator: ":")
      switch halves[0] {
      case "status": return "onlineStatus=\(halves[1])"
      case "place": return "location=\(halves[1])"
      case "provider": return "role=provider"
      default: return "\(halves[0])=\(halves[1])" + (halves.count > 2 ? "&minTier=\(halves[2])" : "")
      }
    }
    if let word { parts.append("q=\(word.replacing(" ", with: "%20"))") }
    if let minutes { parts.append("activeWithin=\(minutes)m") }
    if isOffline { parts.append("onlineStatus=offline") }
    if order != .best { parts.append("sort=\(order.rawValue)") }
    if let page { parts.append("cursor=\(page.cursor)") }
    return parts.joined(separator: "&")
  }
}

/// Searches of one kind, of which each is as likely as in life.
struct SearchMix {
  let name: String
  let searches: [Search]
  /// Whether it is what most members do.
  var isMain = false

  /// All kinds, with what there is in this world.
  @Loop static func all(in world: DiscoveryWorld) async throws -> [SearchMix] {
    let drawn = try await world.draw()
    let words = drawn.map(\.word)
    let skills = try await world.skillsByUse()
    let (common, rare) = (skills[0], Array(skills.suffix(20)))
    let online = "status:online"
    func each(_ name: String, _ make: (Int) -> Search) -> SearchMix {
      SearchMix(name: name, searches: words.indices.map(make))
    }
    func skill(_ number: Int) -> String { "skill:\(drawn[number].skill)" }
    let orders: [SearchMembers.Order] = [.active, .newest, .name, .rating]
    func order(_ number: Int) -> SearchMembers.Order { orders[number % orders.count] }
    var main = each("skill, word, online") { Search(terms: [skill($0), online], word: words[$0]) }
    main.isMain = true
    return [
      main,
      each("the commonest skill (\(common.share) of members), word, online") {
        Search(terms: ["skill:\(common.slug)", online], word: words[$0])
      },
      each("a rare skill, word, online") {
        Search(terms: ["skill:\(rare[$0 % rare.count].slug)", online], word: words[$0])
      },
      each("a skill and its own name") {
        Search(terms: [skill($0)], word: drawn[$0].skill.replacing("-", with: " "))
      },
      each("a skill and a word") { Search(terms: [skill($0)], word: words[$0]) },
      each("a skill") { Search(terms: [skill($0)]) },
      each("a word") { Search(word: words[$0]) },
      each("two words") { Search(word: "\(words[$0]) \(words[($0 + 1) % words.count])") },
      each("online") { _ in Search(terms: [online]) },
      each("everybody") { _ in Search() },
      each("category, tier, place, language") {
        Search(terms: ["category:\(drawn[$0].category):advanced", drawn[$0].place, drawn[$0].language])
      },
      each("a skill, other orders") { Search(terms: [skill($0)], order: order($0)) },
      each("online, other orders") { Search(terms: [online], order: order($0)) },
      each("a word, online, other orders") { Search(terms: [online], word: words[$0], order: order($0)) },
      each("a skill, active within a day") { Search(terms: [skill($0)], minutes: world.age + 1440) },
      each("a word, active within an hour") { Search(word: words[$0], minutes: world.age + 60) },
      each("a rare skill, word, offline") {
        Search(terms: ["skill:\(rare[$0 % rare.count].slug)"], word: words[$0], isOffline: true)
      },
      each("skill, word, online, by somebody with 300 contacts") {
        Search(terms: [skill($0), online], word: words[$0], isSociable: true)
      },
      SearchMix(
        name: "deep pages",
        searches: try await world.pages(of: [
          Search(terms: [online]), Search(), Search(terms: ["skill:\(common.slug)"]), Search(word: "guitar"),
        ])),
    ]
  }
}
