import Contract
import Testing

@testable import Gateway

@Suite struct DeliveryLogTests {
  private let a = Channel("private-a")!
  private let b = Channel("private-b")!

  private func at(_ offset: UInt64) -> Position { Position(epoch: 7, offset: offset) }

  @Test func `a client that got nothing is where it subscribed`() {
    var log = DeliveryLog()
    log.subscribe(a, at: at(5))
    log.add(a, at(6))
    #expect(log.positions(after: nil) == [a: at(5)])
  }

  @Test func `what came behind the offset is missing, in every channel`() {
    var log = DeliveryLog()
    log.subscribe(a, at: at(5))
    log.subscribe(b, at: at(1))
    for (channel, offset) in [(a, 6), (b, 2), (a, 7), (b, 3)] as [(Channel, UInt64)] { log.add(channel, at(offset)) }
    #expect(log.positions(after: DeliveryLog.offset(of: a, at(6))) == [a: at(6), b: at(1)])
    #expect(log.positions(after: DeliveryLog.offset(of: a, at(7))) == [a: at(7), b: at(2)])
    #expect(log.positions(after: DeliveryLog.offset(of: b, at(3))) == [a: at(7), b: at(3)])
    #expect(log.positions(after: "7:7 private-a") == [a: at(7), b: at(2)])
    #expect(log.positions(after: "7:9 private-a") == nil)
    #expect(log.positions(after: "nonsense") == nil)
  }

  @Test func `a channel that was left is not found again`() {
    var log = DeliveryLog([a: at(1), b: at(1)])
    log.add(a, at(2))
    log.unsubscribe(a)
    #expect(log.positions(after: DeliveryLog.offset(of: a, at(2))) == [b: at(1)])
  }

  @Test func `only the last events are remembered, and positions move on with those that are not`() {
    var log = DeliveryLog([a: at(0), b: at(0)])
    log.add(b, at(1))
    for offset in 1...1000 { log.add(a, at(UInt64(offset))) }
    #expect(log.positions(after: nil) == nil)
    #expect(log.positions(after: DeliveryLog.offset(of: b, at(1))) == nil)
    #expect(log.positions(after: DeliveryLog.offset(of: a, at(872))) != nil)
    #expect(log.positions(after: DeliveryLog.offset(of: a, at(1000))) == [a: at(1000), b: at(1)])
    #expect(log.positions(after: DeliveryLog.offset(of: a, at(950))) == [a: at(950), b: at(1)])
  }
}
