import EventLoop
import Kafka

extension Command {
  /// Shows every topic with the messages it holds, and how far each group that reads it is behind.
  @Loop func showTopics(_ folder: MeshFolder) async throws -> CInt {
    let reach = try await Reach(folder)
    let admin = try Admin(reach.kafka, limit: .seconds(5))
    defer { admin.close() }
    let topics: [String: Int]
    do {
      topics = try await admin.metadata().topics
    } catch {
      throw Failure("\(error)", advice: reach.advice(for: "the broker"), exitCode: ExitCode.notRunning)
    }
    let lags = try await Self.lags(admin)

    var rows = [["TOPIC", "PARTITIONS", "MESSAGES", "BEHIND"]]
    for (topic, count) in topics.sorted(by: { $0.key < $1.key }) {
      var messages: Int64 = 0
      for partition in 0..<Int32(clamping: count) {
        let marks = try await admin.watermarks(of: TopicPartition(topic, partition))
        messages += marks.end - marks.beginning
      }
      let readers = (lags[topic] ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
      rows.append([topic, String(count), String(messages), readers.isEmpty ? "-" : readers.joined(separator: ", ")])
    }
    aligned(rows).forEach { Console.say($0) }
    return ExitCode.done
  }

  /// By topic and group, how many messages the group has still to read.
  @Loop private static func lags(_ admin: Admin) async throws -> [String: [String: Int64]] {
    var lags: [String: [String: Int64]] = [:]
    for group in try await admin.groups() {
      for (partition, lag) in try await admin.lag(of: group) {
        lags[partition.topic, default: [:]][group, default: 0] += lag.messages
      }
    }
    return lags
  }
}
