import Contract
import EventLoop
import Postgres

/// How fast providers answer, in `response_metrics`.
@Loop struct ResponseStore {
  private let database: any Querying

  init(_ database: any Querying) { self.database = database }

  /// What is known of a member; nil while nothing was heard.
  func find(_ member: MemberID) async throws -> KnownResponse? {
    try await database.query(
      "select rate_percent, average_minutes, is_hidden from response_metrics where member_id = \(member)"
    ).first.map { row in
      let (rate, average, isHidden) = try row.decode(Double?.self, Double?.self, Bool.self)
      return KnownResponse(ratePercent: rate, averageMinutes: average, isHidden: isHidden)
    }
  }

  /// Stores what was heard last.
  func save(_ response: KnownResponse, of member: MemberID) async throws {
    try await database.query(
      """
      insert into response_metrics (member_id, rate_percent, average_minutes, is_hidden)
      values (\(member), \(response.ratePercent), \(response.averageMinutes), \(response.isHidden))
      on conflict (member_id) do update set rate_percent = excluded.rate_percent,
        average_minutes = excluded.average_minutes, is_hidden = excluded.is_hidden
      """)
  }
}
