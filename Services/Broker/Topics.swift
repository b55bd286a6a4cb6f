import EventLoop
import Telemetry
import Wire

/// A topic as clients meet it.
@Loop final class HostedTopic {
  let name: String
  /// The broker's own topics can be read, but not written by clients.
  let isInternal: Bool
  let config: TopicConfig
  fileprivate(set) var partitions: [Partition]

  fileprivate init(_ topic: Topic, _ flush: FlushLoop) {
    name = topic.name
    config = topic.config
    isInternal = name == Coordinator.topic
    partitions = topic.partitions.map { Partition($0, flush) }
  }

  /// The partition of that number, or nil.
  func partition(_ index: Int32) -> Partition? {
    partitions.indices.contains(Int(index)) ? partitions[Int(index)] : nil
  }
}

/// The topics of the broker: what clients and the broker's own work find by name.
///
/// Making, growing and deleting wait for the disk on the loop: they are rare, and take milliseconds.
@Loop final class Topics {
  private let folder: DataFolder
  private let flush: FlushLoop
  private let notices: Log
  private let autoCreates: Bool
  private let defaultPartitions: Int
  private let defaults: [String: String]
  private var hosted: [String: HostedTopic] = [:]

  init(_ folder: DataFolder, _ options: BrokerOptions, _ flush: FlushLoop, _ notices: Log) {
    (self.folder, self.flush, self.notices) = (folder, flush, notices)
    autoCreates = options.autoCreate
    defaultPartitions = options.defaultPartitions
    defaults = ["retention.ms": String(options.retention.milliseconds)]
    for (name, topic) in folder.topics { hosted[name] = HostedTopic(topic, flush) }
  }

  subscript(name: String) -> HostedTopic? { hosted[name] }

  /// Every topic's name, in order.
  var names: [String] { hosted.keys.sorted() }

  /// Every topic, in no order.
  var all: some Collection<HostedTopic> { hosted.values }

  func partition(_ topic: String, _ index: Int32) -> Partition? { hosted[topic]?.partition(index) }

  /// Makes a topic that a client asked for by using it; nil where the broker is set not to.
  func autoCreate(_ name: String) throws(LogError) -> HostedTopic? {
    autoCreates ? try create(name, partitions: nil, overrides: [:]) : nil
  }

  /// Makes a topic; without a count of partitions, with the default one.
  @discardableResult
  func create(
    _ name: String, partitions: Int?, overrides: [String: String], validateOnly: Bool = false
  ) throws(LogError) -> HostedTopic? {
    let overrides = defaults.merging(overrides) { $1 }
    if validateOnly {
      try folder.checkCreation(of: name, partitions: partitions ?? defaultPartitions, overrides: overrides)
      return nil
    }
    let topic = try folder.createTopic(
      name, partitions: partitions ?? defaultPartitions, overrides: overrides, now: Moment.now.unixMilliseconds)
    let made = HostedTopic(topic, flush)
    hosted[name] = made
    notices.info("topic created", ["topic": name, "partitions": made.partitions.count])
    return made
  }

  /// Gives a topic more partitions.
  func grow(_ name: String, to count: Int, validateOnly: Bool = false) throws(LogError) {
    if validateOnly {
      try folder.checkGrowth(of: name, to: count)
      return
    }
    try folder.growTopic(name, to: count, now: Moment.now.unixMilliseconds)
    guard let topic = hosted[name], let logs = folder.topics[name]?.partitions else { return }
    topic.partitions += logs.dropFirst(topic.partitions.count).map { Partition($0, flush) }
    notices.info("topic grown", ["topic": name, "partitions": topic.partitions.count])
  }

  /// Takes a topic away, with all its records; its files go when the answer is performed.
  func delete(_ name: String) throws(LogError) -> Removal {
    guard hosted[name]?.isInternal != true else {
      throw LogError(.invalidTopic, "\(name) belongs to the broker and cannot be deleted")
    }
    let removal = try folder.deleteTopic(name)
    for partition in hosted.removeValue(forKey: name)?.partitions ?? [] { partition.delete() }
    notices.info("topic deleted", ["topic": name])
    return removal
  }
}
