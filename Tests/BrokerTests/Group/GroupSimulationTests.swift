import TestKit
import Testing

@testable import Broker

@Suite struct GroupSimulationTests {
  @Test func `whatever clients do, every request is answered once and a calm group is stable`() {
    var seeds = SeededRandom.fromEnvironment()
    var answered = 0
    var rebalances = 0
    for run in 0..<300 {
      var simulation = GroupSimulation(SeededRandom(seed: seeds.next()))
      simulation.beWild(1_000)
      simulation.calmDown()
      simulation.judge()
      #expect(simulation.violations == [], "run \(run)")
      if !simulation.violations.isEmpty { return }
      answered += simulation.answered
      rebalances += simulation.rebalances
    }
    // A simulation in which nothing happens proves nothing.
    #expect(answered > 50_000)
    #expect(rebalances > 3_000)
  }
}
