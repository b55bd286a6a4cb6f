import Foundation
import Glibc
import Wire

@testable import Broker

/// A private folder, removed with its last holder.
final class TemporaryFolder {
  let path: String

  init() {
    var template = Array((NSTemporaryDirectory() + "/broker-log-XXXXXX").utf8CString)
    path = String(cString: mkdtemp(&template)!)
  }

  deinit { Files.remove(path) }
}

/// A data folder in a private place, a clock that stands still, and what was reported.
final class LogFixture {
  let home: TemporaryFolder
  let folder: DataFolder
  let notices: Notices
  var now: Int64 = 1_000_000_000_000

  final class Notices {
    var all: [LogNotice] = []
  }

  init(
    _ home: TemporaryFolder = TemporaryFolder(), settings: LogSettings = LogSettings(), disk: Disk = .kernel,
    now: Int64 = 1_000_000_000_000
  ) throws {
    let notices = Notices()
    self.home = home
    self.notices = notices
    self.now = now
    folder = try DataFolder(path: home.path + "/data", settings: settings, disk: disk, now: now) {
      notices.all.append($0)
    }
  }

  /// The log of partition 0 of a topic, made when it does not exist.
  func log(_ topic: String = "orders", _ overrides: [String: String] = [:]) throws -> PartitionLog {
    if let known = folder.topics[topic] { return known.partitions[0] }
    return try folder.createTopic(topic, partitions: 1, overrides: overrides, now: now).partitions[0]
  }

  @discardableResult
  func append(_ batch: [UInt8], to log: PartitionLog) throws -> PartitionLog.Appended {
    var bytes = batch
    return try bytes.withUnsafeMutableBytes { try log.append($0, now: now) }
  }

  /// One round of flushing, performed at once.
  @discardableResult
  func flush(checkpointAll: Bool = false) -> [Flusher.Flushed] {
    guard let job = folder.flusher.begin(now: now, checkpointAll: checkpointAll) else { return [] }
    return folder.flusher.finish(job.perform())
  }

  /// What a crash now would leave: a copy of the folder as it is.
  func crash() throws -> TemporaryFolder {
    let copy = TemporaryFolder()
    try FileManager.default.copyItem(atPath: folder.path, toPath: copy.path + "/data")
    return copy
  }
}

/// An uncompressed batch with a record per value.
func batch(
  _ values: [String?], keys: [String?] = [], at timestamp: Int64 = 1_000_000_000_000, producer: Int64 = -1,
  epoch: Int16 = 0, sequence: Int32 = 0
) -> [UInt8] {
  var builder = RecordBatchBuilder(
    baseTimestamp: timestamp, producerID: producer, producerEpoch: producer < 0 ? -1 : epoch,
    baseSequence: producer < 0 ? -1 : sequence)
  for (number, value) in values.enumerated() {
    builder.append(
      key: number < keys.count ? keys[number].map { Array($0.utf8) } : nil, value: value.map { Array($0.utf8) },
      timestamp: timestamp + Int64(number))
  }
  return builder.finish { crc32c($0) }
}

/// Changes a batch and makes its checksum right again.
func altered(_ batch: [UInt8], _ change: (inout [UInt8]) -> Void) -> [UInt8] {
  var bytes = batch
  change(&bytes)
  let checksum = bytes.withUnsafeBytes { crc32c(UnsafeRawBufferPointer(rebasing: $0[21...])) }
  for number in 0..<4 { bytes[17 + number] = UInt8(truncatingIfNeeded: checksum >> (24 - 8 * UInt32(number))) }
  return bytes
}

/// A record as a consumer sees it.
struct Seen: Equatable {
  var offset: Int64
  var key: String?
  var value: String?
}

extension PartitionLog {
  /// All records from `offset` on, read in slices of at most `maxBytes`.
  func records(from offset: Int64? = nil, maxBytes: Int = 1 << 20) throws -> [Seen] {
    var seen: [Seen] = []
    var next = offset ?? logStartOffset
    while true {
      let bytes = try read(from: next, maxBytes: maxBytes, atLeastOneBatch: true).bytes()
      if bytes.isEmpty { return seen }
      try bytes.withUnsafeBytes { content in
        var batches = RecordBatchCursor(content)
        while let (batch, range) = try batches.next() {
          let part = UnsafeRawBufferPointer(rebasing: content[range])
          var records = try RecordCursor(batch: part)
          func text(_ range: Range<Int>?) -> String? { range.map { String(decoding: part[$0], as: UTF8.self) } }
          while let record = try records.next() {
            seen.append(
              Seen(
                offset: batch.baseOffset + Int64(record.offsetDelta), key: text(record.key),
                value: text(record.value)))
          }
          next = batch.lastOffset + 1
        }
      }
    }
  }

  func values() throws -> [String] { try records().map { $0.value ?? "-" } }
}

/// A generator whose seed is printed, and taken from SEED when that is set.
struct Seeded: RandomNumberGenerator {
  private var state: UInt64
  let seed: UInt64

  init(_ test: String = #function) {
    seed = ProcessInfo.processInfo.environment["SEED"].flatMap { UInt64($0) } ?? .random(in: 0 ... .max)
    state = seed
    print("\(test): SEED=\(seed)")
  }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}

extension PartitionLog {
  /// The name of the topic's folder.
  var topicFolderName: String { String(directory.split(separator: "/").dropLast().last!) }
}
