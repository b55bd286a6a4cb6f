import Contract
import EventLoop
import Kafka
import Telemetry
import Testing

@testable import Mesh

/// What gateways see, on its way to the service that wants to know.
@Suite(.timeLimit(.minutes(2))) struct ActivityTests {
  static let member = MemberID(at: .now)

  static let batch = ActivityBatch(
    gateway: UniqueID(at: .now), partition: 3, at: .now,
    signals: [
      DeviceSignal(member: member, device: "phone", kind: .opened, connection: 7, at: .now),
      DeviceSignal(member: member, device: "laptop", kind: .background, at: .now),
    ])

  @Test func `a batch is read as it was written, and torn ones are not read at all`() {
    let bytes = Self.batch.bytes
    #expect(ActivityBatch(bytes, partition: 3) == Self.batch)
    for length in 0..<bytes.count { #expect(ActivityBatch(Array(bytes.prefix(length)), partition: 3) == nil) }
    #expect(ActivityBatch(bytes + [0], partition: 3) == nil)
  }

  @Test func `a device's name is cut at 64 bytes`() {
    let long = DeviceSignal(
      member: Self.member, device: String(repeating: "x", count: 100), kind: .active, at: .now)
    #expect(long.device == String(repeating: "x", count: 64))
  }

  @Test @Loop func `signals arrive in order, each partition hears its gateway's pulse, and a failed batch comes again`()
    async throws
  {
    struct NotYet: Error {}
    let gateway = UniqueID(at: .now)
    try await TestMesh.makeTopics(for: [])
    var heard: [DeviceSignal] = []
    var pulses: Set<Int> = []
    var trials: Set<Int> = []
    var failures = 0
    let feed = ActivityFeed(
      service: TestMesh.freshService(), trial: .milliseconds(200), log: .disabled, metrics: Metrics()
    ) { batch in
      if batch.isTrial { trials.insert(batch.partition) }
      guard batch.gateway == gateway else { return }
      if !batch.signals.isEmpty, failures < 2 {
        failures += 1
        throw NotYet()
      }
      heard += batch.signals
      pulses.insert(batch.partition)
    }
    try feed.start(TestMesh.kafka(), instance: nil)
    let sender = try ActivitySender(TestMesh.kafka(), gateway: gateway, log: TestMesh.log, metrics: Metrics())
    sender.start()
    let signals = (1...20).map { number in
      DeviceSignal(
        member: Self.member, device: "d", kind: .active, connection: UInt32(number), at: .now)
    }
    for signal in signals { sender.note(signal) }
    try await TestMesh.wait { heard.count >= 20 && pulses.count == ActivityBatch.partitions && trials == pulses }
    #expect(heard == signals)
    #expect(failures == 2)
    await sender.close()
    await feed.stop(within: .seconds(2))
  }
}
