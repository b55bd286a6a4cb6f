import Glibc
import Testing

@testable import Broker

@Suite struct `The data folder` {
  @Test func `is held by one broker at a time`() throws {
    let fixture = try LogFixture()
    let error = #expect(throws: LogError.self) { try LogFixture(fixture.home) }
    #expect(error?.kind == .folderInUse)
    #expect(error?.message == "\(fixture.folder.path) is in use by another broker; stop it or name another folder")
  }

  @Test func `of something else is refused and left alone`() throws {
    let home = TemporaryFolder()
    try Files.makeFolder(home.path + "/data")
    _ = try OpenFile(home.path + "/data/thesis.txt", O_RDWR | O_CREAT)
    let error = #expect(throws: LogError.self) { try LogFixture(home) }
    #expect(error?.kind == .folderUnusable)
    #expect(try Files.list(home.path + "/data") == ["thesis.txt"])
  }

  @Test func `of another format is refused`() throws {
    let home = TemporaryFolder()
    _ = try LogFixture(home)
    try Disk.kernel.replace(home.path + "/data/format", with: Array("skillmesh broker log 2\n".utf8))
    #expect(throws: LogError.self) { try LogFixture(home) }
  }

  @Test func `with an unreadable segment is refused before anything changes`() throws {
    let home = TemporaryFolder()
    var torn = ""
    do {
      let fixture = try LogFixture(home)
      let log = try fixture.log("alpha")
      try fixture.append(batch(["a"]), to: log)
      torn = log.active.path
      let other = try fixture.log("beta")
      try Files.makeFolder(other.active.path)
    }
    let file = try OpenFile(torn, O_RDWR)
    #expect(pwrite(file.descriptor, "junk", 4, try file.size()) == 4)
    let size = try file.size()
    let error = #expect(throws: LogError.self) { try LogFixture(home) }
    #expect(error?.kind == .storage)
    #expect(try file.size() == size)
  }

  @Test func `knows a clean stop from another`() throws {
    let home = TemporaryFolder()
    do {
      let fixture = try LogFixture(home)
      #expect(fixture.folder.wasClean)
    }
    do {
      let fixture = try LogFixture(home)
      #expect(!fixture.folder.wasClean)
      #expect(fixture.folder.close(now: fixture.now))
    }
    #expect(try LogFixture(home).folder.wasClean)
    #expect(try !LogFixture(home).folder.wasClean)
  }

  @Test func `keeps topics, their settings and partitions`() throws {
    let home = TemporaryFolder()
    let settings = ["cleanup.policy": "compact", "retention.ms": "-1", "segment.bytes": "4096"]
    do {
      let fixture = try LogFixture(home)
      let topic = try fixture.folder.createTopic("mesh.catalogue", partitions: 2, overrides: settings, now: fixture.now)
      try fixture.append(batch(["a"], keys: ["k"]), to: topic.partitions[1])
      try fixture.folder.growTopic("mesh.catalogue", to: 4, now: fixture.now)
    }
    let topic = try #require(try LogFixture(home).folder.topics["mesh.catalogue"])
    #expect(topic.partitions.count == 4)
    #expect(try topic.config == TopicConfig(settings))
    #expect(topic.config.retention == nil)
    #expect(topic.config.entries.filter { !$0.isDefault }.map(\.name).sorted() == settings.keys.sorted())
    #expect(try topic.partitions[1].values() == ["a"])
  }

  @Test func `refuses what a topic cannot be`() throws {
    let fixture = try LogFixture()
    func code(_ name: String, _ partitions: Int = 1, _ overrides: [String: String] = [:]) -> Int16? {
      do throws(LogError) {
        _ = try fixture.folder.createTopic(name, partitions: partitions, overrides: overrides, now: 0)
        return nil
      } catch {
        return error.kafkaCode
      }
    }
    for name in ["", ".", "..", "a/b", "a@b", "ä", String(repeating: "x", count: 250)] { #expect(code(name) == 17) }
    #expect(code("a", 0) == 37)
    #expect(code("a", -1) == 37)
    #expect(code("a", 1001) == 37)
    #expect(code("a", 1, ["retention.ms": "soon"]) == 40)
    #expect(code("a", 1, ["colour": "red"]) == 40)
    #expect(code("a", 1, ["segment.bytes": "-5"]) == 40)
    #expect(code("a", 1, ["retention.ms": "9223372036854775807"]) == nil)
    #expect(code("a") == 36)
    #expect(code(String(repeating: "x", count: 249)) == nil)
    #expect(throws: LogError.self) { try fixture.folder.growTopic("a", to: 1, now: 0) }
    #expect(throws: LogError.self) { try fixture.folder.growTopic("none", to: 2, now: 0) }
  }

  @Test func `forgets a deleted topic at once, and its files when told or at the next start`() throws {
    let home = TemporaryFolder()
    do {
      let fixture = try LogFixture(home)
      let log = try fixture.log()
      try fixture.append(batch(["a"]), to: log)
      let slice = try log.read(from: 0, maxBytes: 100, atLeastOneBatch: true)
      let removal = try fixture.folder.deleteTopic("orders")
      let refused = #expect(throws: LogError.self) { try fixture.append(batch(["b"]), to: log) }
      #expect(refused?.kafkaCode == 3)
      fixture.flush()
      #expect(try fixture.log().values().isEmpty, "a new topic of the name is empty")
      #expect(try slice.bytes().count == slice.count)
      #expect(try Files.list(home.path + "/data/trash").count == 1)
      removal.perform()
      #expect(try Files.list(home.path + "/data/trash").isEmpty)
      _ = try fixture.folder.deleteTopic("orders")
    }
    let second = try LogFixture(home)
    #expect(second.folder.topics.isEmpty)
    #expect(try Files.list(home.path + "/data/trash").isEmpty)
    #expect(try Files.list(home.path + "/data/topics").isEmpty)
  }

  @Test func `removes a creation that did not come to its end, and reports a partition that is gone`() throws {
    let home = TemporaryFolder()
    var gone = ""
    do {
      let fixture = try LogFixture(home)
      gone = try fixture.folder.createTopic("orders", partitions: 2, now: 0).partitions[1].directory
      try Files.makeFolder(home.path + "/data/topics/half@1")
      try Files.makeFolder(home.path + "/data/topics/half@1/0")
    }
    Files.remove(gone)
    let second = try LogFixture(home)
    #expect(second.folder.topics.keys.sorted() == ["orders"])
    #expect(second.notices.all == [.missingPartition(topic: "orders", partition: 1)])
    #expect(!Files.exists(home.path + "/data/topics/half@1"))
  }

  @Test func `with a topic whose description is gone is refused, not emptied`() throws {
    let home = TemporaryFolder()
    var topic = ""
    do {
      let fixture = try LogFixture(home)
      let log = try fixture.log()
      try fixture.append(batch(["a"]), to: log)
      topic = home.path + "/data/topics/" + log.topicFolderName
    }
    #expect(rename(topic + "/topic", home.path + "/aside") == 0)
    let error = #expect(throws: LogError.self) { try LogFixture(home) }
    #expect(error?.kind == .folderUnusable)
    #expect(rename(home.path + "/aside", topic + "/topic") == 0)
    #expect(try LogFixture(home).log().values() == ["a"])
  }

  @Test func `lets go of everything with its last holder`() throws {
    weak var context: LogContext?
    do {
      let fixture = try LogFixture()
      context = fixture.folder.context
      try fixture.append(batch(["a"]), to: try fixture.log())
    }
    #expect(context == nil)
  }

  @Test func `never gives a producer id twice`() throws {
    let home = TemporaryFolder()
    var ids: [Int64] = []
    for _ in 0..<3 {
      let folder = try LogFixture(home).folder
      for _ in 0..<1500 { ids.append(try folder.allocateProducerID()) }
    }
    #expect(Set(ids).count == 4500)
  }
}
