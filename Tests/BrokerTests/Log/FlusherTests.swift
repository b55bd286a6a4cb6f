import Glibc
import Synchronization
import Testing

@testable import Broker

/// A disk that fails on demand.
final class FailingDisk: Sendable {
  /// Bytes that still fit; negative: no limit.
  let room = Atomic<Int>(-1)
  /// What every sync fails with; 0: none.
  let syncError = Atomic<Int32>(0)
  /// Whether files cannot be cut either.
  let refusesTruncate = Atomic<Bool>(false)
  let syncs = Atomic<Int>(0)

  var disk: Disk {
    Disk(
      write: { [self] descriptor, bytes, position in
        let room = room.load(ordering: .relaxed)
        guard room >= 0 else { return Disk.kernel.write(descriptor, bytes, position) }
        guard room > 0 else {
          errno = ENOSPC
          return -1
        }
        let part = UnsafeRawBufferPointer(rebasing: bytes.prefix(room))
        self.room.store(room - part.count, ordering: .relaxed)
        return Disk.kernel.write(descriptor, part, position)
      },
      truncate: { [self] descriptor, size in
        guard !refusesTruncate.load(ordering: .relaxed) else {
          errno = EIO
          return -1
        }
        return Disk.kernel.truncate(descriptor, size)
      },
      sync: { [self] descriptor in
        syncs.add(1, ordering: .relaxed)
        let error = syncError.load(ordering: .relaxed)
        guard error == 0 else {
          errno = error
          return -1
        }
        return Disk.kernel.sync(descriptor)
      })
  }
}

@Suite struct `A full disk` {
  @Test func `refuses a batch without a trace, and takes it when there is room`() throws {
    let failing = FailingDisk()
    let fixture = try LogFixture(disk: failing.disk)
    let log = try fixture.log()
    try fixture.append(batch(["a"], producer: 1, sequence: 0), to: log)
    let size = log.active.size
    let next = batch(["b"], producer: 1, sequence: 1)
    for room in 0..<next.count {
      failing.room.store(room, ordering: .relaxed)
      let error = #expect(throws: LogError.self) { try fixture.append(next, to: log) }
      #expect(error?.kafkaCode == 56)
      #expect(try log.active.file().size() == size)
    }
    #expect(log.endOffset == 1)
    #expect(log.context.metrics.writeFailures == next.count)
    failing.room.store(-1, ordering: .relaxed)
    #expect(try fixture.append(next, to: log).baseOffset == 1)
    #expect(try log.values() == ["a", "b"])
  }

  @Test func `leaves a log that reads and restarts well even if the part written could not be cut`() throws {
    let failing = FailingDisk()
    let fixture = try LogFixture(disk: failing.disk)
    let log = try fixture.log()
    try fixture.append(batch(["a"]), to: log)
    failing.room.store(40, ordering: .relaxed)
    failing.refusesTruncate.store(true, ordering: .relaxed)
    #expect(throws: LogError.self) { try fixture.append(batch(["b"]), to: log) }
    #expect(try log.values() == ["a"])
    let home = try fixture.crash()
    #expect(try LogFixture(home).log().values() == ["a"])
    failing.room.store(-1, ordering: .relaxed)
    #expect(throws: LogError.self) { try fixture.append(batch(["b"]), to: log) }
    failing.refusesTruncate.store(false, ordering: .relaxed)
    #expect(try fixture.append(batch(["c"]), to: log).baseOffset == 1)
    #expect(try log.values() == ["a", "c"])
  }

  @Test func `costs no more than a checkpoint when a flush meets it`() throws {
    let failing = FailingDisk()
    let fixture = try LogFixture(disk: failing.disk)
    let log = try fixture.log()
    try fixture.append(batch(["a"]), to: log)
    failing.room.store(0, ordering: .relaxed)
    let flushed = fixture.flush(checkpointAll: true)
    #expect(flushed.count == 1 && flushed[0].failure == nil)
    #expect(log.durableOffset == 1)
    #expect(fixture.folder.metrics.checkpointFailures == 1)
    #expect(!log.active.isCheckpointed)
    failing.room.store(-1, ordering: .relaxed)
    #expect(fixture.folder.close(now: fixture.now))
    #expect(log.active.isCheckpointed)
  }
}

@Suite struct `A flush` {
  @Test func `makes durable what was written before it began, in all partitions together`() throws {
    let fixture = try LogFixture()
    let topic = try fixture.folder.createTopic("orders", partitions: 3, now: fixture.now)
    for log in topic.partitions { try fixture.append(batch(["a"]), to: log) }
    #expect(fixture.folder.flusher.hasWork)
    let job = try #require(fixture.folder.flusher.begin(now: fixture.now))
    #expect(job.files.count == 3)
    #expect(fixture.folder.flusher.begin(now: fixture.now) == nil, "one at a time")
    try fixture.append(batch(["b"]), to: topic.partitions[1])
    let flushed = fixture.folder.flusher.finish(job.perform())
    #expect(flushed.map(\.log.partition) == [0, 1, 2])
    #expect(topic.partitions.map(\.durableOffset) == [1, 1, 1])
    #expect(topic.partitions.map(\.endOffset) == [1, 2, 1])
    #expect(fixture.flush().map(\.log.partition) == [1])
    #expect(topic.partitions[1].durableOffset == 2)
    #expect(fixture.flush().isEmpty)
    #expect(fixture.folder.metrics.flushes == 2)
  }

  @Test func `takes only what is waited for when it is asked to, and leaves the rest for later`() throws {
    let fixture = try LogFixture()
    let topic = try fixture.folder.createTopic("orders", partitions: 3, now: fixture.now)
    for log in topic.partitions { try fixture.append(batch(["a"]), to: log) }
    let flusher = fixture.folder.flusher
    #expect(flusher.begin(now: fixture.now, awaitedOnly: true) == nil, "nobody waits")
    topic.partitions[1].isAwaited = true
    let job = try #require(flusher.begin(now: fixture.now, awaitedOnly: true))
    #expect(flusher.finish(job.perform()).map(\.log.partition) == [1])
    #expect(topic.partitions.map(\.durableOffset) == [0, 1, 0])
    #expect(flusher.begin(now: fixture.now, awaitedOnly: true) == nil, "nobody waits any more")
    #expect(fixture.flush().map(\.log.partition) == [0, 2])
    #expect(topic.partitions.map(\.durableOffset) == [1, 1, 1])
  }

  @Test func `syncs the folder of a new segment once`() throws {
    let failing = FailingDisk()
    let fixture = try LogFixture(disk: failing.disk)
    let log = try fixture.log()
    func syncs(_ work: () throws -> Void) rethrows -> Int {
      let before = failing.syncs.load(ordering: .relaxed)
      try work()
      return failing.syncs.load(ordering: .relaxed) - before
    }
    try fixture.append(batch(["a"]), to: log)
    #expect(syncs { fixture.flush() } == 2)
    try fixture.append(batch(["b"]), to: log)
    #expect(syncs { fixture.flush() } == 1)
    #expect(log.active.isLinked)
  }

  @Test func `that fails is never taken back: the partition refuses writes until a restart`() throws {
    let failing = FailingDisk()
    let fixture = try LogFixture(disk: failing.disk)
    let log = try fixture.log()
    try fixture.append(batch(["a"]), to: log)
    fixture.flush()
    try fixture.append(batch(["b"]), to: log)
    failing.syncError.store(EIO, ordering: .relaxed)
    let flushed = fixture.flush()
    #expect(flushed.first?.failure?.kafkaCode == 56)
    #expect(log.durableOffset == 1)
    failing.syncError.store(0, ordering: .relaxed)
    let refused = #expect(throws: LogError.self) { try fixture.append(batch(["c"]), to: log) }
    #expect(refused?.kafkaCode == 56)
    fixture.flush()
    #expect(log.durableOffset == 1)
    #expect(try log.values() == ["a", "b"])
    #expect(fixture.folder.metrics.flushFailures == 1)
    #expect(!fixture.folder.close(now: fixture.now), "a stop after it is not a clean one")
    let second = try LogFixture(try fixture.crash())
    #expect(!second.folder.wasClean)
    #expect(try second.append(batch(["c"]), to: try second.log()).baseOffset == 2)
  }

  @Test func `waits for a sealed segment only, when writes are not forced`() throws {
    var settings = LogSettings()
    settings.flush = .none
    let fixture = try LogFixture(settings: settings)
    let log = try fixture.log("orders", ["segment.bytes": "1024"])
    try fixture.append(batch(["a"]), to: log)
    #expect(!fixture.folder.flusher.hasWork)
    while log.segments.count == 1 { try fixture.append(batch(["a"]), to: log) }
    #expect(fixture.folder.flusher.hasWork)
    fixture.flush()
    #expect(log.segments[0].isCheckpointed)
    #expect(fixture.folder.close(now: fixture.now))
    #expect(try LogFixture(try fixture.crash()).folder.wasClean)
  }

  @Test func `writes a checkpoint after enough bytes or time`() throws {
    var settings = LogSettings()
    settings.checkpointBytes = 1000
    let fixture = try LogFixture(settings: settings)
    let log = try fixture.log()
    try fixture.append(batch(["a"]), to: log)
    fixture.flush()
    #expect(log.active.checkpointSize == -1)
    for _ in 0..<20 { try fixture.append(batch(["a"]), to: log) }
    fixture.flush()
    #expect(log.active.isCheckpointed)
    try fixture.append(batch(["a"]), to: log)
    fixture.flush()
    #expect(!log.active.isCheckpointed)
    fixture.now += 30_000
    try fixture.append(batch(["a"]), to: log)
    fixture.flush()
    #expect(log.active.isCheckpointed)
  }
}
