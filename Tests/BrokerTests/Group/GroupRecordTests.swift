import TestKit
import Testing

@testable import Broker

/// What the log keeps of groups, byte by byte.
@Suite struct GroupRecordTests {
  static let snapshot = GroupSnapshot(
    generation: 7, protocolType: "consumer", protocolName: "range", leader: "a", emptySince: 1_700_000_000_000,
    members: [
      GroupSnapshot.Member(
        id: "a", instanceID: "i", clientID: "c", clientHost: "/h", sessionTimeout: .seconds(6),
        rebalanceTimeout: .seconds(300),
        protocols: [GroupProtocol(name: "range", metadata: [1, 2]), GroupProtocol(name: "sticky", metadata: [])],
        assignment: [9, 8, 7]),
      GroupSnapshot.Member(
        id: "b", instanceID: nil, clientID: "", clientHost: "", sessionTimeout: .milliseconds(6_001),
        rebalanceTimeout: .milliseconds(Int64(Int32.max)), protocols: [GroupProtocol(name: "range", metadata: [])],
        assignment: []),
    ])

  static let records: [GroupRecord] = [
    .offset(
      "g", OffsetKey(topic: "t", partition: 3),
      CommittedOffset(offset: .max, leaderEpoch: -1, metadata: "né", committedAt: 1_700_000_000_000), replacing: nil),
    .offset("g", OffsetKey(topic: "t", partition: 3), nil, replacing: nil),
    .group("g", snapshot),
    .group(
      "g",
      GroupSnapshot(generation: 8, protocolType: "", protocolName: "", leader: .none, emptySince: 0, members: [])),
    .group("g", nil),
  ]

  @Test(arguments: records) func `a record reads back as it was written`(record: GroupRecord) throws {
    #expect(try GroupRecord(key: record.key, value: record.value) == record)
  }

  @Test func `the layout of an offset never changes`() {
    let record = GroupRecord.offset(
      "g", OffsetKey(topic: "t", partition: 258),
      CommittedOffset(offset: 5, leaderEpoch: 2, metadata: "m", committedAt: 3), replacing: nil)
    #expect(record.key == [1, 0, 0, 0, 1, 0x67, 0, 0, 0, 1, 0x74, 0, 0, 1, 2])
    #expect(
      record.value == [
        1, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 2, 0, 0, 0, 1, 0x6D, 0, 0, 0, 0, 0, 0, 0, 3,
      ])
  }

  @Test func `the layout of a group never changes`() {
    let member = GroupSnapshot.Member(
      id: "a", instanceID: "i", clientID: "c", clientHost: "h", sessionTimeout: .milliseconds(1),
      rebalanceTimeout: .milliseconds(2), protocols: [GroupProtocol(name: "r", metadata: [5])], assignment: [6, 7])
    let record = GroupRecord.group(
      "g",
      GroupSnapshot(
        generation: 4, protocolType: "p", protocolName: "r", leader: "a", emptySince: 3, members: [member]))
    #expect(record.key == [2, 0, 0, 0, 1, 0x67])
    #expect(
      record.value == [
        1, 0, 0, 0, 4, 0, 0, 0, 1, 0x70, 0, 0, 0, 1, 0x72, 0, 0, 0, 1, 0x61, 0, 0, 0, 0, 0, 0, 0, 3,
        0, 0, 0, 1, 0, 0, 0, 1, 0x61, 1, 0, 0, 0, 1, 0x69, 0, 0, 0, 1, 0x63, 0, 0, 0, 1, 0x68,
        0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2,
        0, 0, 0, 1, 0, 0, 0, 1, 0x72, 0, 0, 0, 1, 5, 0, 0, 0, 2, 6, 7,
      ])
  }

  @Test(arguments: records) func `a record cut anywhere is refused`(record: GroupRecord) {
    for count in record.key.indices {
      #expect(throws: GroupRecordError.self) {
        try GroupRecord(key: Array(record.key.prefix(count)), value: record.value)
      }
    }
    let value = record.value ?? []
    for count in value.indices {
      #expect(throws: GroupRecordError.self) {
        try GroupRecord(key: record.key, value: Array(value.prefix(count)))
      }
    }
  }

  @Test(arguments: records) func `bytes after a record are refused`(record: GroupRecord) {
    #expect(throws: GroupRecordError.trailingBytes(1)) { try GroupRecord(key: record.key + [0], value: record.value) }
    if let value = record.value {
      #expect(throws: GroupRecordError.trailingBytes(1)) { try GroupRecord(key: record.key, value: value + [0]) }
    }
  }

  @Test func `records of another kind or layout are refused`() {
    #expect(throws: GroupRecordError.unknownKind(3)) { try GroupRecord(key: [3, 0, 0, 0, 1, 0x67], value: nil) }
    #expect(throws: GroupRecordError.unknownLayout(2)) { try GroupRecord(key: [2, 0, 0, 0, 1, 0x67], value: [2]) }
    #expect(throws: GroupRecordError.notUTF8(offset: 1)) { try GroupRecord(key: [2, 0, 0, 0, 1, 0xFF], value: nil) }
  }

  @Test func `a count that promises more than there is costs no memory`() {
    #expect(throws: GroupRecordError.truncated(offset: 5, needed: 0xFFFF_FFFF)) {
      try GroupRecord(key: [2, 0xFF, 0xFF, 0xFF, 0xFF, 0x67], value: nil)
    }
    let empty = GroupSnapshot(
      generation: 8, protocolType: "", protocolName: "", leader: .none, emptySince: 0, members: [])
    let value = (GroupRecord.group("g", empty).value ?? []).dropLast(4) + [0xFF, 0xFF, 0xFF, 0xFF]
    #expect(throws: GroupRecordError.truncated(offset: 29, needed: 0xFFFF_FFFF)) {
      try GroupRecord(key: GroupRecord.group("g", nil).key, value: Array(value))
    }
  }

  @Test(
    arguments: [
      { $0.generation = -1 }, { $0.leader = "z" }, { $0.protocolName = "sticky" }, { $0.members[1].id = "a" },
      { $0.members[1].instanceID = "i" },
    ] as [@Sendable (inout GroupSnapshot) -> Void])
  func `a group that contradicts itself is refused`(change: @Sendable (inout GroupSnapshot) -> Void) throws {
    var snapshot = Self.snapshot
    change(&snapshot)
    let record = GroupRecord.group("g", snapshot)
    let error = #expect(throws: GroupRecordError.self) { try GroupRecord(key: record.key, value: record.value) }
    guard case .contradiction = error else {
      Issue.record("refused for another reason: \(String(describing: error))")
      return
    }
  }

  @Test func `damaged records are refused or harmless`() {
    var random = SeededRandom.fromEnvironment()
    var (harmless, refused) = (0, 0)
    for _ in 0..<20_000 {
      let record = Self.records[Int.random(in: 0..<Self.records.count, using: &random)]
      var key = record.key
      var value = record.value
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let byte = UInt8.random(in: 0...255, using: &random)
        if let index = value?.indices.randomElement(using: &random), Bool.random(using: &random) {
          value?[index] = byte
        } else {
          key[Int.random(in: 0..<key.count, using: &random)] = byte
        }
      }
      var restoration = GroupRegistry.Restoration()
      guard (try? restoration.read(key: key, value: value)) != nil else {
        refused += 1
        continue
      }
      var actions: [GroupAction] = []
      let moment = Moment(instant: .now, unixMilliseconds: 1_700_000_000_001)
      var registry = restoration.registry(at: moment, into: &actions)
      registry.expire(at: moment, into: &actions)
      harmless += 1
    }
    #expect(harmless > 1_000 && refused > 1_000, "the damage is neither so small nor so great that it tests nothing")
  }
}
