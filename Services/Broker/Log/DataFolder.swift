import Glibc

/// The broker's data on disk: topics, their settings and the logs of their partitions, in one folder that one process
/// holds.
///
///     format                         what wrote this, and its version
///     lock                           held (flock) while a broker runs
///     clean                          there only after a clean stop
///     producer-ids                   ids of idempotent producers below this number are taken
///     topics/<name>@<id>/topic       partition count and settings
///     topics/<name>@<id>/<number>/   a partition: <first offset>.log and .index
///     trash/                         deleted topics on their way out
///
/// Topic folders carry a random id, so that a job of a deleted topic never meets a new one of the same name. What is
/// changed here is on disk when the call returns.
final class DataFolder {
  let path: String
  let context: LogContext
  /// Whether the broker before this one stopped cleanly (true for a new folder).
  let wasClean: Bool
  private(set) var topics: [String: Topic] = [:]
  private let lock: OpenFile
  private var producerIDs: Range<Int64> = 0..<0

  /// What the log counted since the start.
  var metrics: LogMetrics { context.metrics }
  /// Collects writes that wait for the disk.
  var flusher: Flusher { context.flusher }

  private static let format = "skillmesh broker log 1\n"
  private static let producerIDBlock: Int64 = 1000

  /// Opens the folder, making it when it does not exist, and recovers every partition. `now` is in milliseconds since
  /// 1970; `report` gets what an operator should read.
  ///
  /// - Throws: ``LogError`` when another broker holds the folder, it holds something else, or a file cannot be read;
  ///   nothing was changed then except by recoveries that were complete.
  init(
    path: String, settings: LogSettings = LogSettings(), disk: Disk = .kernel, now: Int64,
    report: @escaping (LogNotice) -> Void
  ) throws(LogError) {
    self.path = path
    try Files.makeFolder(path)
    let names = try Files.list(path).filter { $0 != "lock" && $0 != "lost+found" && !$0.hasSuffix(".new") }
    let format = try Files.read(path + "/format", limit: 1 << 10).map { String(decoding: $0, as: UTF8.self) }
    guard format == Self.format || (format == nil && names.isEmpty) else {
      throw LogError(
        .folderUnusable,
        format == nil
          ? "\(path) holds other files; name a folder that is empty or a broker's"
          : "\(path) was written in another format; use the version of the broker that wrote it")
    }
    lock = try OpenFile(path + "/lock", O_RDWR | O_CREAT)
    guard flock(lock.descriptor, LOCK_EX | LOCK_NB) == 0 else {
      guard errno == EWOULDBLOCK else { throw .storage("lock", path, errno) }
      throw LogError(.folderInUse, "\(path) is in use by another broker; stop it or name another folder")
    }
    context = LogContext(settings: settings, disk: disk, report: report)
    if format == nil {
      try Files.makeFolder(path + "/topics")
      try Files.makeFolder(path + "/trash")
      try disk.replace(path + "/format", with: Array(Self.format.utf8))
      try disk.syncFolder(path)
    }
    wasClean = format == nil || Files.exists(path + "/clean")
    for name in try Files.list(path + "/trash") { Files.remove(path + "/trash/" + name) }
    try openTopics(now: now)
    if unlink(path + "/clean") == 0 { try disk.syncFolder(path) }
  }

  deinit {
    // Both hold segments, which hold the context.
    context.files.removeAll()
    context.flusher.removeAll()
  }

  private func openTopics(now: Int64) throws(LogError) {
    var found: [(folder: String, description: TopicDescription)] = []
    for folder in try Files.list(path + "/topics") {
      let folderPath = path + "/topics/" + folder
      guard let bytes = try Files.read(folderPath + "/topic", limit: 1 << 20) else {
        try removeUnfinished(folderPath)
        continue
      }
      guard let description = TopicDescription(bytes), folder == description.folder else {
        throw LogError(.folderUnusable, "\(folderPath)/topic cannot be understood; restore it from a copy")
      }
      guard topics[description.name] == nil else {
        throw LogError(.folderUnusable, "\(path)/topics holds \(description.name) twice; move one of them away")
      }
      try checkReadable(folderPath)
      found.append((folderPath, description))
    }
    for (folderPath, description) in found {
      let config = try TopicConfig(description.overrides)
      let topic = Topic(name: description.name, id: description.id, config: config, folder: folderPath)
      try openPartitions(of: topic, upTo: description.partitions, now: now)
      topics[topic.name] = topic
    }
  }

  /// Removes a creation that did not come to its end: there is a segment only once the topic's file was written.
  private func removeUnfinished(_ topicFolder: String) throws(LogError) {
    for partition in try Files.list(topicFolder) where !partition.hasSuffix(".new") {
      guard try Files.list(topicFolder + "/" + partition).isEmpty else {
        throw LogError(
          .folderUnusable, "\(topicFolder)/topic is missing; restore it from a copy, or move the folder away")
      }
    }
    Files.remove(topicFolder)
  }

  /// Refuses a topic with a segment that cannot be opened, before anything is changed.
  private func checkReadable(_ topicFolder: String) throws(LogError) {
    for partition in try Files.list(topicFolder) where partition != "topic" {
      for name in try Files.list(topicFolder + "/" + partition) where name.hasSuffix(".log") {
        _ = try OpenFile(topicFolder + "/" + partition + "/" + name, O_RDWR)
      }
    }
  }

  private func openPartitions(of topic: Topic, upTo count: Int, now: Int64) throws(LogError) {
    for number in topic.partitions.count..<count {
      let directory = topic.folder + "/" + String(number)
      if !Files.exists(directory) {
        try Files.makeFolder(directory)
        try context.disk.syncFolder(topic.folder)
        context.notice(.missingPartition(topic: topic.name, partition: Int32(number)))
      }
      topic.add(
        try PartitionLog.open(
          topic: topic.name, partition: Int32(number), directory: directory, config: topic.config, context: context,
          verifying: !wasClean, now: now))
    }
  }

  // MARK: Topics

  /// Makes a topic; it is on disk when this returns. `id` is random.
  ///
  /// - Throws: an invalid name, partition count or setting; a topic of that name; a storage error.
  func createTopic(
    _ name: String, partitions: Int, overrides: [String: String] = [:], id: UInt64 = .random(in: .min ... .max),
    now: Int64
  ) throws(LogError) -> Topic {
    let config = try checkCreation(of: name, partitions: partitions, overrides: overrides)
    let description = TopicDescription(name: name, id: id, partitions: partitions, overrides: overrides)
    let topic = Topic(name: name, id: id, config: config, folder: path + "/topics/" + description.folder)
    do throws(LogError) {
      try makePartitions(description, in: topic.folder)
      try context.disk.syncFolder(path + "/topics")
      try openPartitions(of: topic, upTo: partitions, now: now)
    } catch {
      Files.remove(topic.folder)
      throw error
    }
    topics[name] = topic
    return topic
  }

  /// The settings of a topic that could be made like this; throws as ``createTopic(_:partitions:overrides:id:now:)`` would.
  @discardableResult
  func checkCreation(of name: String, partitions: Int, overrides: [String: String]) throws(LogError) -> TopicConfig {
    guard TopicDescription.isValid(name) else {
      throw LogError(.invalidTopic, "a topic's name has 1 to 249 letters, digits, '.', '_' and '-'")
    }
    guard topics[name] == nil else { throw LogError(.topicAlreadyExists, "topic \(name) exists already") }
    try checkPartitions(partitions, atLeast: 1)
    return try TopicConfig(overrides)
  }

  /// The topic, if it could be grown like this; throws as ``growTopic(_:to:now:)`` would.
  @discardableResult
  func checkGrowth(of name: String, to partitions: Int) throws(LogError) -> Topic {
    let topic = try existing(name)
    try checkPartitions(partitions, atLeast: topic.partitions.count + 1)
    return topic
  }

  /// Gives a topic more partitions; they are on disk when this returns.
  ///
  /// - Throws: an unknown topic, fewer partitions than it has, too many, or a storage error.
  func growTopic(_ name: String, to partitions: Int, now: Int64) throws(LogError) {
    let topic = try checkGrowth(of: name, to: partitions)
    let description = TopicDescription(
      name: name, id: topic.id, partitions: partitions, overrides: topic.config.overrides)
    try makePartitions(description, in: topic.folder)
    try openPartitions(of: topic, upTo: partitions, now: now)
  }

  /// Takes a topic away; its files go when the answer is performed, or at the next start.
  ///
  /// - Throws: an unknown topic or a storage error.
  func deleteTopic(_ name: String) throws(LogError) -> Removal {
    let topic = try existing(name)
    let trash = path + "/trash/" + TopicDescription.folder(name, topic.id)
    guard rename(topic.folder, trash) == 0 else { throw .storage("move", topic.folder, errno) }
    topics[name] = nil
    for log in topic.partitions { log.withdraw(because: "topic \(name) was deleted") }
    try context.disk.syncFolder(path + "/topics")
    return Removal(paths: [trash])
  }

  private func existing(_ name: String) throws(LogError) -> Topic {
    guard let topic = topics[name] else { throw LogError(.unknownTopicOrPartition, "there is no topic \(name)") }
    return topic
  }

  private func checkPartitions(_ count: Int, atLeast least: Int) throws(LogError) {
    guard count >= least, count <= context.settings.partitionsPerTopic else {
      throw LogError(
        .invalidPartitions,
        "\(count) partitions are not possible: at least \(least), at most \(context.settings.partitionsPerTopic)")
    }
  }

  /// Makes the folders first, then the file that speaks of them: what it names is always there.
  private func makePartitions(_ description: TopicDescription, in folder: String) throws(LogError) {
    try Files.makeFolder(folder)
    for number in 0..<description.partitions { try Files.makeFolder(folder + "/" + String(number)) }
    try context.disk.syncFolder(folder)
    try context.disk.replace(folder + "/topic", with: description.encoded())
    try context.disk.syncFolder(folder)
  }

  // MARK: Producer ids

  /// A producer id that was never given before, over restarts too.
  ///
  /// - Throws: a storage error when none could be reserved.
  func allocateProducerID() throws(LogError) -> Int64 {
    if producerIDs.isEmpty {
      let file = path + "/producer-ids"
      let text = try Files.read(file, limit: 64).map { String(decoding: $0, as: UTF8.self) }
      guard let first = Int64(text?.filter { $0 != "\n" } ?? "0"), first >= 0, first < .max - Self.producerIDBlock
      else {
        throw LogError(.storage, "\(file) cannot be understood; restore it from a copy")
      }
      try context.disk.replace(file, with: Array("\(first + Self.producerIDBlock)\n".utf8))
      try context.disk.syncFolder(path)
      producerIDs = first..<first + Self.producerIDBlock
    }
    return producerIDs.removeFirst()
  }

  // MARK: Stop

  /// Writes everything to disk and marks the stop as clean, waiting for it; the log is not to be used afterwards.
  ///
  /// No flush may be under way. Answers false when a write failed: the next start then verifies.
  func close(now: Int64) -> Bool {
    precondition(!flusher.isBusy, "finish the flush first")
    for topic in topics.values {
      for log in topic.partitions where log.failure == nil {
        for segment in log.segments where segment.size > 0 && !segment.isCheckpointed {
          log.markDirty(segment, evenUnforced: true)
        }
      }
    }
    var isClean = true
    if let job = flusher.begin(now: now, checkpointAll: true) {
      let result = job.perform()
      isClean = result.missedCheckpoints.isEmpty
      for flushed in flusher.finish(result) where flushed.failure != nil { isClean = false }
    }
    for topic in topics.values {
      for log in topic.partitions where log.failure != nil { isClean = false }
    }
    guard isClean else { return false }
    do throws(LogError) {
      try context.disk.replace(path + "/clean", with: [])
      try context.disk.syncFolder(path)
      return true
    } catch {
      return false
    }
  }
}
