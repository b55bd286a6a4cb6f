import EventLoop
import Telemetry
import Wire

/// Fetch (4 to 11): reads record batches, waiting for them if need be. Sessions (KIP-227) are declined: every answer
/// carries session 0, and clients then name all their partitions each time.
///
/// Batches go from their files to the socket without passing through this process's memory.
enum FetchKey: Key {
  static func answer(_ request: FetchRequest, _ call: Call, _ broker: Broker) {
    // A session that we never gave out cannot be continued.
    if request.sessionID != 0, request.sessionEpoch > 0 {
      return call.answer(FetchResponse(errorCode: .fetchSessionIDNotFound, topics: []))
    }
    ParkedFetch(request, call, broker).begin()
  }
}

/// A fetch that waits until there is enough to read, an error to report, or no time left.
@Loop final class ParkedFetch {
  /// What one answer may hold at the most, whatever the client asks: bytes of batches.
  private static let answerLimit = 64 << 20

  private struct Target {
    let request: FetchRequest.Partition
    /// Nil if there is no such partition.
    let partition: Partition?
  }

  private let request: FetchRequest
  private let call: Call
  private let broker: Broker
  private let targets: [[Target]]
  private var deadline: LoopTimer?
  private var isWoken = false
  private(set) var isDone = false

  init(_ request: FetchRequest, _ call: Call, _ broker: Broker) {
    (self.request, self.call, self.broker) = (request, call, broker)
    targets = request.topics.map { topic in
      let known = broker.topics[topic.name]
      return topic.partitions.map { Target(request: $0, partition: known?.partition($0.index)) }
    }
  }

  func begin() {
    let reading = read()
    if reading.isFinal || reading.bytes >= request.minBytes || request.maxWait <= .zero { return finish(reading) }
    deadline = Loop.schedule(after: min(request.maxWait, .seconds(600))) { [self] in finish(read()) }
    for target in targets.joined() { target.partition?.park(self) }
    broker.metrics.waitingFetches.add(1)
    call.whenAbandoned { [self] in end() }
  }

  /// New records are there: look again when the turn ends, so that all of a turn's records come in one answer.
  func wake() {
    guard !isWoken, !isDone else { return }
    isWoken = true
    broker.look(at: self)
  }

  /// Looks whether there is enough by now.
  func lookAgain() {
    isWoken = false
    guard !isDone else { return }
    let reading = read()
    if reading.isFinal || reading.bytes >= request.minBytes { finish(reading) }
  }

  private func finish(_ reading: Reading) {
    end()
    broker.metrics.bytesOut.add(reading.bytes)
    broker.metrics.recordsOut.add(reading.count)
    call.answer(FetchResponse(topics: reading.topics), records: reading.records)
  }

  private func end() {
    guard !isDone else { return }
    isDone = true
    if let deadline {
      deadline.cancel()
      broker.metrics.waitingFetches.add(-1)
    }
    deadline = nil
  }

  private struct Reading {
    var topics: [FetchResponse.Topic] = []
    var records: [FileRegion] = []
    var bytes = 0
    /// Records, from the offsets that were asked for.
    var count = 0
    /// Something must be said at once: an error.
    var isFinal = false
  }

  private func read() -> Reading {
    var reading = Reading()
    let limit = min(Int(request.maxBytes), Self.answerLimit)
    for (topic, targets) in zip(request.topics, targets) {
      let partitions = targets.map { target in read(target, limit - reading.bytes, into: &reading) }
      reading.topics.append(.init(name: topic.name, partitions: partitions))
    }
    return reading
  }

  private func read(_ target: Target, _ limit: Int, into reading: inout Reading) -> FetchResponse.Partition {
    let index = target.request.index
    guard let partition = target.partition, !partition.isDeleted else {
      reading.isFinal = true
      return .init(index: index, errorCode: .unknownTopicOrPartition)
    }
    let log = partition.log
    do throws(LogError) {
      let slice = try log.read(
        from: target.request.fetchOffset, maxBytes: min(Int(target.request.maxBytes), limit),
        // One batch that is larger than what was asked for is sent all the same, or its reader would never get past it.
        atLeastOneBatch: reading.bytes == 0)
      if let file = slice.file {
        reading.records.append(
          FileRegion(owner: file, descriptor: file.descriptor, offset: slice.position, count: slice.count))
      }
      reading.bytes += slice.count
      if !slice.isEmpty {
        let next = log.nextOffset(after: slice, from: target.request.fetchOffset)
        reading.count += Int(next - target.request.fetchOffset)
      }
      return .init(
        index: index, highWatermark: log.endOffset, lastStableOffset: log.endOffset, logStartOffset: log.logStartOffset,
        records: 0..<slice.count)
    } catch {
      reading.isFinal = true
      return .init(
        index: index, errorCode: KafkaError(error), highWatermark: log.endOffset, lastStableOffset: log.endOffset,
        logStartOffset: log.logStartOffset)
    }
  }
}
