import Contract

/// Why the operator's or another service's request is not carried out.
public enum OperatorRefusal: String, Refusal, CaseIterable {
  /// The service that asks is not one that may.
  case notAllowed = "not_allowed"
  /// There is no such member.
  case notFound = "member_not_found"

  public var status: Int { self == .notAllowed ? 403 : 404 }

  public var detail: String {
    switch self {
    case .notAllowed: "Only the operator may ask for this."
    case .notFound: "There is no such member."
    }
  }
}
