import EventLoop
import Telemetry
import Wire

/// Produce (3 to 7): appends record batches. Versions 0 to 2 are announced, for librdkafka's sake, and refused.
///
/// With `acks` 0 nothing is answered, with 1 when the records are written, with all (−1) when they are on disk. Each
/// partition stands for itself: one may refuse what the others take.
enum ProduceKey {
  static let requiresTransactions = KafkaError.transactionalIDAuthorizationFailed

  @Loop static func answer(
    _ request: ProduceRequest, in frame: UnsafeMutableRawBufferPointer, _ call: Call, _ broker: Broker
  ) {
    let isAcksValid = (-1...1).contains(request.acks)
    var response = ProduceResponse(topics: [])
    response.topics.reserveCapacity(request.topics.count)
    /// What has to reach the disk before the answer may be given.
    var awaited: [(partition: Partition, end: Int64)] = []
    for topic in request.topics {
      let known = broker.topics[topic.name]
      let partitions = topic.partitions.map { part -> ProduceResponse.Partition in
        if !isAcksValid { return .init(index: part.index, errorCode: .invalidRequiredAcks) }
        if request.transactionalID != nil { return .init(index: part.index, errorCode: requiresTransactions) }
        guard let partition = known?.partition(part.index), known?.isInternal == false else {
          return .init(index: part.index, errorCode: .unknownTopicOrPartition)
        }
        guard let range = part.records, !range.isEmpty else {
          return .init(index: part.index, errorCode: .corruptMessage)
        }
        do throws(LogError) {
          let appended = try partition.append(UnsafeMutableRawBufferPointer(rebasing: frame[range]))
          if request.acks == -1 { awaited.append((partition, appended.nextOffset)) }
          return .init(
            index: part.index, baseOffset: appended.baseOffset, logStartOffset: appended.logStartOffset)
        } catch {
          broker.log.limited().warning(
            "refused records", ["topic": topic.name, "partition": part.index, "reason": error])
          return .init(index: part.index, errorCode: KafkaError(error))
        }
      }
      response.topics.append(.init(name: topic.name, partitions: partitions))
    }
    if request.acks == 0 { return answerNothing(response, call) }
    guard !awaited.isEmpty else { return call.answer(response) }
    DurableAnswer(response, call, awaiting: awaited.count).wait(for: awaited)
  }

  /// A producer that wants no answers learns of an error by the end of its connection, as with Apache Kafka.
  @Loop private static func answerNothing(_ response: ProduceResponse, _ call: Call) {
    let isRefused = response.topics.contains { $0.partitions.contains { $0.errorCode != .none } }
    call.answerNothing()
    if isRefused { call.connection.close() }
  }
}

/// A produce answer that waits until all of its records are on disk.
@Loop private final class DurableAnswer {
  private var response: ProduceResponse
  private let call: Call
  private var outstanding: Int

  init(_ response: ProduceResponse, _ call: Call, awaiting count: Int) {
    (self.response, self.call, outstanding) = (response, call, count)
  }

  func wait(for awaited: [(partition: Partition, end: Int64)]) {
    for (partition, end) in awaited {
      partition.whenDurable(end) { isDurable in
        if !isDurable { self.fail(partition) }
        self.outstanding -= 1
        if self.outstanding == 0 { self.call.answer(self.response) }
      }
    }
  }

  private func fail(_ partition: Partition) {
    for topic in response.topics.indices where response.topics[topic].name == partition.topic {
      for index in response.topics[topic].partitions.indices
      where response.topics[topic].partitions[index].index == partition.index {
        response.topics[topic].partitions[index] = .init(index: partition.index, errorCode: .kafkaStorageError)
      }
    }
  }
}
