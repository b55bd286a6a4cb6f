import Glibc
import Testing

@testable import Broker

/// A producer that repeats what was not acknowledged, and what the log must then hold.
private struct Model {
  /// Value by offset of all that was written and not lost.
  var records: [(offset: Int64, value: String)] = []
  /// All below was acknowledged as durable.
  var durable: Int64 = 0
  var sequence: Int32 = 0
  /// The newest batch of the producer, and how many records it has.
  var last: (bytes: [UInt8], values: [String], offset: Int64)?
}

@Suite struct `The log through random lives` {
  /// Appends, flushes, stops, kills and power cuts in random order. A power cut takes a random part of what was not
  /// flushed. Nothing acknowledged is ever missing, doubled or moved, and a repeated batch is written exactly once.
  @Test(arguments: 0..<8) func `keeps each acknowledged record once, in order, at its offset`(life: Int) throws {
    var random = Seeded("random lives \(life)")
    var settings = LogSettings()
    settings.checkpointBytes = 1500
    settings.openFiles = 3
    var home = TemporaryFolder()
    var fixture = try LogFixture(home, settings: settings)
    var log = try fixture.log("orders", ["segment.bytes": "2048"])
    var model = Model()

    func check() throws {
      let found = try log.records()
      #expect(found.map(\.offset) == model.records.map(\.offset))
      #expect(found.map(\.value) == model.records.map(\.value))
      #expect(log.endOffset == (model.records.last?.offset ?? -1) + 1)
    }

    for _ in 0..<400 {
      switch Int.random(in: 0..<100, using: &random) {
      case 0..<60:  // a batch of the idempotent producer
        let values = (0..<Int.random(in: 1...4, using: &random)).map { "s\(model.sequence + Int32($0))" }
        let bytes = batch(values, producer: 5, sequence: model.sequence)
        let appended = try fixture.append(bytes, to: log)
        #expect(!appended.isDuplicate)
        for (number, value) in values.enumerated() {
          model.records.append((appended.baseOffset + Int64(number), value))
        }
        model.sequence += Int32(values.count)
        model.last = (bytes, values, appended.baseOffset)
      case 60..<70:  // a repetition
        guard let last = model.last else { continue }
        let appended = try fixture.append(last.bytes, to: log)
        #expect(appended.isDuplicate && appended.baseOffset == last.offset)
      case 70..<85:
        for flushed in fixture.flush() { #expect(flushed.failure == nil) }
        model.durable = log.durableOffset
        #expect(log.durableOffset == log.endOffset)
      case 85..<90:
        #expect(fixture.folder.close(now: fixture.now))
        model.durable = log.endOffset
        home = try fixture.crash()
        fixture = try LogFixture(home, settings: settings)
        #expect(fixture.folder.wasClean)
        log = try fixture.log()
        try check()
      default:  // kill -9, or a power cut
        let isPowerCut = Bool.random(using: &random)
        let unflushed = log.segments.filter { $0.nextOffset > model.durable }
        home = try fixture.crash()
        if isPowerCut, let segment = unflushed.last {
          let path = Segment.path(
            home.path + "/data/topics/" + log.topicFolderName + "/0", segment.baseOffset, "log")
          let flushedSize = try log.read(
            from: max(model.durable, segment.baseOffset), maxBytes: 1, atLeastOneBatch: true
          ).position
          #expect(truncate(path, Int.random(in: flushedSize...segment.size, using: &random)) == 0)
        }
        fixture = try LogFixture(home, settings: settings)
        log = try fixture.log()
        #expect(fixture.folder.metrics.damages == 0)
        #expect(log.endOffset >= model.durable)
        #expect(isPowerCut || log.endOffset == (model.records.last?.offset ?? -1) + 1)
        model.records.removeAll { $0.offset >= log.endOffset }
        try check()
        // The producer sends its last batch again when that is what was lost. When more was lost it would begin a new
        // epoch; here it goes on from what is there.
        let kept = Int32(model.records.last.map { Int($0.value.dropFirst())! + 1 } ?? 0)
        guard kept != model.sequence else { continue }
        guard let last = model.last, kept == model.sequence - Int32(last.values.count) else {
          model.sequence = kept
          model.last = nil
          continue
        }
        let appended = try fixture.append(last.bytes, to: log)
        #expect(!appended.isDuplicate)
        for (number, value) in last.values.enumerated() {
          model.records.append((appended.baseOffset + Int64(number), value))
        }
        model.last?.offset = appended.baseOffset
      }
    }
    try check()
  }
}
