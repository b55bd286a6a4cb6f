/// One durable fact about a group, as the broker's compacted log keeps it: the last record of a key counts, and one
/// without a value removes what was known (a tombstone).
///
/// **Layout.** Numbers are big-endian; a *text* is a UInt32 count and that many bytes of UTF-8, *bytes* the same
/// without meaning; a *list* is a UInt32 count and its elements; a *duration* is an Int64 of milliseconds.
///
/// | record | key | value |
/// |---|---|---|
/// | offset | UInt8 1, group text, topic text, partition Int32 | UInt8 layout 1, offset Int64, leader epoch Int32, metadata text, committed at Int64 |
/// | group | UInt8 2, group text | UInt8 layout 1, generation Int32, protocol type text, protocol text, leader text, empty since Int64, members list |
///
/// A member: id text, UInt8 1 and instance id text or UInt8 0, client id text, client host text, session timeout
/// duration, rebalance timeout duration, protocols list (name text, metadata bytes), assignment bytes.
enum GroupRecord: Equatable, Sendable {
  /// Nil removes the offset. `replacing` is not stored: it is what memory held before.
  case offset(GroupID, OffsetKey, CommittedOffset?, replacing: CommittedOffset?)
  /// Nil removes the group.
  case group(GroupID, GroupSnapshot?)

  private static let offsetKind: UInt8 = 1
  private static let groupKind: UInt8 = 2
  private static let layout: UInt8 = 1

  var key: [UInt8] {
    var writer = RecordWriter()
    switch self {
    case .offset(let group, let key, _, _):
      writer.integer(Self.offsetKind)
      writer.text(group.rawValue)
      writer.text(key.topic)
      writer.integer(key.partition)
    case .group(let group, _):
      writer.integer(Self.groupKind)
      writer.text(group.rawValue)
    }
    return writer.bytes
  }

  /// Nil: a tombstone.
  var value: [UInt8]? {
    var writer = RecordWriter()
    writer.integer(Self.layout)
    switch self {
    case .offset(_, _, nil, _), .group(_, nil): return nil
    case .offset(_, _, let committed?, _):
      writer.integer(committed.offset)
      writer.integer(committed.leaderEpoch)
      writer.text(committed.metadata)
      writer.integer(committed.committedAt)
    case .group(_, let snapshot?): Self.write(snapshot, to: &writer)
    }
    return writer.bytes
  }

  /// Reads a record of the log.
  ///
  /// - Throws: `GroupRecordError` if these bytes were not written by this layout; nothing is trusted before it is
  ///   checked, so arbitrary bytes may be given.
  init(key: [UInt8], value: [UInt8]?) throws(GroupRecordError) {
    var keyReader = RecordReader(key)
    let kind = try keyReader.integer(UInt8.self)
    let group = GroupID(try keyReader.text())
    var reader = value.map { RecordReader($0) }
    if let layout = try reader?.integer(UInt8.self), layout != Self.layout { throw .unknownLayout(layout) }
    switch kind {
    case Self.offsetKind:
      let partition = OffsetKey(topic: try keyReader.text(), partition: try keyReader.integer(Int32.self))
      self = .offset(group, partition, try reader.map(Self.offset(from:)), replacing: nil)
    case Self.groupKind:
      self = .group(group, try reader.map(Self.snapshot(from:)))
    default: throw .unknownKind(kind)
    }
    try keyReader.end()
  }

  private static func offset(from start: RecordReader) throws(GroupRecordError) -> CommittedOffset {
    var reader = start
    let committed = CommittedOffset(
      offset: try reader.integer(Int64.self), leaderEpoch: try reader.integer(Int32.self),
      metadata: try reader.text(), committedAt: try reader.integer(Int64.self))
    try reader.end()
    return committed
  }

  private static func write(_ snapshot: GroupSnapshot, to writer: inout RecordWriter) {
    writer.integer(snapshot.generation)
    writer.text(snapshot.protocolType)
    writer.text(snapshot.protocolName)
    writer.text(snapshot.leader.rawValue)
    writer.integer(snapshot.emptySince)
    writer.list(snapshot.members) { writer, member in
      writer.text(member.id.rawValue)
      writer.integer(member.instanceID == nil ? UInt8(0) : 1)
      if let instance = member.instanceID { writer.text(instance.rawValue) }
      writer.text(member.clientID)
      writer.text(member.clientHost)
      writer.duration(member.sessionTimeout)
      writer.duration(member.rebalanceTimeout)
      writer.list(member.protocols) { writer, candidate in
        writer.text(candidate.name)
        writer.blob(candidate.metadata)
      }
      writer.blob(member.assignment)
    }
  }

  private static func snapshot(from start: RecordReader) throws(GroupRecordError) -> GroupSnapshot {
    var reader = start
    let snapshot = GroupSnapshot(
      generation: try reader.integer(Int32.self), protocolType: try reader.text(), protocolName: try reader.text(),
      leader: MemberID(try reader.text()), emptySince: try reader.integer(Int64.self),
      members: try reader.list(member(from:)))
    try reader.end()
    if let contradiction = snapshot.contradiction { throw .contradiction(contradiction) }
    return snapshot
  }

  private static func member(from reader: inout RecordReader) throws(GroupRecordError) -> GroupSnapshot.Member {
    GroupSnapshot.Member(
      id: MemberID(try reader.text()),
      instanceID: try reader.flag() ? InstanceID(try reader.text()) : nil,
      clientID: try reader.text(), clientHost: try reader.text(), sessionTimeout: try reader.duration(),
      rebalanceTimeout: try reader.duration(), protocols: try reader.list(candidate(from:)),
      assignment: try reader.blob())
  }

  private static func candidate(from reader: inout RecordReader) throws(GroupRecordError) -> GroupProtocol {
    GroupProtocol(name: try reader.text(), metadata: try reader.blob())
  }
}

/// Why bytes of the log are not a group's record.
enum GroupRecordError: Error, Equatable, CustomStringConvertible {
  case unknownKind(UInt8)
  case unknownLayout(UInt8)
  /// Something of `needed` bytes was to follow at byte `offset`, but the record ends.
  case truncated(offset: Int, needed: Int)
  case notUTF8(offset: Int)
  case malformed(offset: Int, String)
  case trailingBytes(Int)
  case contradiction(String)

  var description: String {
    switch self {
    case .unknownKind(let kind): "group record of kind \(kind): a newer broker has written it, or the log is damaged"
    case .unknownLayout(let layout): "group record in layout \(layout): a newer broker has written it"
    case .truncated(let offset, let needed): "group record ends at byte \(offset) where \(needed) more bytes should be"
    case .notUTF8(let offset): "group record has a text at byte \(offset) that is not UTF-8"
    case .malformed(let offset, let what): "group record has \(what) at byte \(offset)"
    case .trailingBytes(let count): "group record has \(count) bytes too many"
    case .contradiction(let what): "group record contradicts itself: \(what)"
    }
  }
}
