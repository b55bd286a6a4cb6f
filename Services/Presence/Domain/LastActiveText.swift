import Contract
import PresenceAPI

/// When somebody was last active, for people.
enum LastActiveText {
  private static let minute = Duration.seconds(60)
  private static let hour = Duration.seconds(3600)
  private static let day = Duration.seconds(86_400)
  private static let months = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
  ]

  /// The text; `isRough` where exact times are not told.
  static func text(_ sighting: Sighting, isRough: Bool, at now: Timestamp) -> String {
    if sighting.status == .online { return "Active now" }
    guard let time = sighting.lastActive else { return "Offline" }
    let idle = max(.zero, now - time)
    return "Last active \(isRough ? rough(idle) : exact(idle, time))"
  }

  private static func exact(_ idle: Duration, _ time: Timestamp) -> String {
    switch idle {
    case ..<minute: return "just now"
    case ..<hour: return "\(Int(idle / minute))m ago"
    case ..<day: return "\(Int(idle / hour))h ago"
    case ..<(day * 2): return "yesterday"
    default:
      let parts = time.description.prefix(10).split(separator: "-").compactMap { Int($0) }
      return "on \(parts[2]) \(months[parts[1] - 1]) \(parts[0])"
    }
  }

  private static func rough(_ idle: Duration) -> String {
    switch idle {
    case ..<(day * 3): "recently"
    case ..<(day * 7): "this week"
    case ..<(day * 30): "this month"
    default: "long ago"
    }
  }
}
