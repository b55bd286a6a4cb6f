import Contract
import Foundation
import ProfilesAPI

/// The last member of a page by the values that it was sorted by, so that the next page goes on behind it whatever has
/// changed meanwhile.
struct SearchCursor: Codable, Equatable {
  private static let maximumLength = 2000

  /// What the page was sorted by.
  let order: SearchMembers.Order
  /// The number that it was sorted by; nil where it was a name, the member's age, or nothing is known.
  let number: Int64?
  /// The name that it was sorted by.
  let name: String?
  /// The member.
  let member: MemberID

  init(_ order: SearchMembers.Order, number: Int64? = nil, name: String? = nil, _ member: MemberID) {
    (self.order, self.number, self.name, self.member) = (order, number, name, member)
  }

  /// Reads what `text` writes; nil for anything else, and for a page that was sorted in another way.
  init?(_ text: String, for order: SearchMembers.Order) {
    guard text.utf8.count <= Self.maximumLength else { return nil }
    let padding = String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
    let base64 = text.replacing("-", with: "+").replacing("_", with: "/") + padding
    guard let data = Data(base64Encoded: base64), let cursor = try? JSONDecoder().decode(Self.self, from: data),
      cursor.order == order, (cursor.name != nil) == (order == .name)
    else { return nil }
    self = cursor
  }

  /// The cursor as clients give it back: base64url.
  var text: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    // Numbers and text always have a JSON form.
    let data = (try? encoder.encode(self)) ?? Data()
    return data.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
  }
}
