import Testing

@testable import Mesh

@Suite struct InboxPlaceTests {
  @Test(
    arguments: [
      (0, 1, InboxPlace.Verdict.apply), (0, 2, .park), (5, 6, .apply), (5, 5, .drop), (5, 1, .drop), (5, 7, .park),
      (5, Int64.max, .park),
    ] as [(Int64, Int64, InboxPlace.Verdict)])
  func `an event is dropped, applied or parked by its version`(last: Int64, version: Int64, verdict: InboxPlace.Verdict)
  {
    #expect(InboxPlace(version: last).verdict(on: version) == verdict)
  }
}
