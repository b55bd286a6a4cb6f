import Testing
import Wire

/// Messages written out by hand from the Kafka protocol guide, field by field.
struct KafkaTranscriptTests {
  @Test func `an ApiVersions request of version 3 has a classic client id and a compact body`() throws {
    let frame = hex(
      """
      00000024  length: 36 bytes follow
      0012 0003 0000002a  ApiVersions, version 3, correlation 42
      0007 72646b61666b61  client id "rdkafka", two-byte length even here
      00  no tagged fields
      0b 6c696272646b61666b61  software "librdkafka", compact length 11
      06 322e302e32  version "2.0.2"
      00  no tagged fields
      """)
    let request = ApiVersionsRequest(clientSoftwareName: "librdkafka", clientSoftwareVersion: "2.0.2")
    #expect(request.frame(version: 3, correlationID: 42, clientID: "rdkafka").bytes == frame)

    let (header, body) = try read([UInt8](frame[4...])) { reader throws(KafkaDecodingError) in
      let header = try KafkaRequestHeader(decoding: &reader)
      return (header, try ApiVersionsRequest(decoding: &reader, version: header.apiVersion))
    }
    #expect(header == KafkaRequestHeader(api: .apiVersions, version: 3, correlationID: 42, clientID: "rdkafka"))
    #expect(body == request)
  }

  @Test func `a ListGroups request that librdkafka closes twice is read like one that is closed once`() throws {
    let frame = hex(
      """
      0010 0004 00000003  ListGroups, version 4, correlation 3
      0004 74657374  client id "test"
      00  no tagged fields
      01  no states
      00 00  no tagged fields, said twice
      """)
    let body = try read(frame) { reader throws(KafkaDecodingError) in
      let header = try KafkaRequestHeader(decoding: &reader)
      return try ListGroupsRequest(decoding: &reader, version: header.apiVersion)
    }
    #expect(body == ListGroupsRequest())
  }

  @Test func `an ApiVersions response never has tagged fields in its header`() {
    let response = ApiVersionsResponse(apiKeys: [.init(apiKey: 18, minVersion: 0, maxVersion: 4)])
    let version0 = hex(
      """
      00000010  length: 16 bytes follow
      0000002a  correlation 42
      0000  no error
      00000001 0012 0000 0004  one API: ApiVersions 0 to 4
      """)
    let version3 = hex(
      """
      00000013  length: 19 bytes follow
      0000002a  correlation 42, and no tagged fields although the body is flexible
      0000  no error
      02 0012 0000 0004 00  one API, compact count 2, no tagged fields
      00000000  no throttling
      00  no tagged fields
      """)
    #expect(response.frame(version: 0, correlationID: 42).bytes == version0)
    #expect(response.frame(version: 3, correlationID: 42).bytes == version3)
  }

  @Test func `feature flags in an ApiVersions response are skipped`() throws {
    let body = hex(
      """
      0000 01 00000000  no error, no APIs, no throttling
      02  two tagged fields
      00 17 02 11 6d657461646174612e76657273696f6e 0001 0015 00  tag 0, 23 bytes: the feature "metadata.version"
      01 08 ffffffffffffffff  tag 1, 8 bytes: epoch -1
      """)
    #expect(try decodeBody(ApiVersionsResponse.self, body, version: 3) == ApiVersionsResponse(apiKeys: []))
  }

  @Test func `a ListGroups response of version 3 has a flexible header`() throws {
    let frame = ListGroupsResponse(groups: []).frame(version: 3, correlationID: 42).bytes
    #expect(frame == hex("0000000d 0000002a 00 00000000 0000 01 00"))
    #expect(ListGroupsResponse(groups: []).frame(version: 2, correlationID: 42).bytes.count == 4 + 4 + 4 + 2 + 4)
    let correlationID = try read([UInt8](frame[4...])) { reader throws(KafkaDecodingError) in
      let header = try KafkaResponseHeader(decoding: &reader, api: .listGroups, version: 3)
      _ = try ListGroupsResponse(decoding: &reader, version: 3)
      return header.correlationID
    }
    #expect(correlationID == 42)
  }

  @Test func `a Metadata request of version 1 tells all topics from none`() throws {
    let all = hex("ffffffff")
    let none = hex("00000000")
    #expect(try decodeBody(MetadataRequest.self, all, version: 1).topics == nil)
    #expect(try decodeBody(MetadataRequest.self, none, version: 1).topics == [])
    #expect(encodeBody(MetadataRequest(topics: nil), version: 1) == all)
    #expect(encodeBody(MetadataRequest(topics: []), version: 1) == none)
  }

  @Test func `a Metadata request of version 0 means all topics by an empty list`() throws {
    #expect(try decodeBody(MetadataRequest.self, hex("00000000"), version: 0).topics == nil)
    #expect(try decodeBody(MetadataRequest.self, hex("ffffffff"), version: 0).topics == nil)
    #expect(try decodeBody(MetadataRequest.self, hex("00000001 0001 61"), version: 0).topics == ["a"])
    #expect(encodeBody(MetadataRequest(topics: nil), version: 0) == hex("00000000"))
  }

  @Test func `a Metadata response of version 1`() throws {
    let body = hex(
      """
      00000001  one broker:
      00000001 0009 6c6f63616c686f7374 00002384 ffff  number 1, "localhost", port 9092, no rack
      00000001  controller 1
      00000001  one topic:
      0000 0001 74 00  no error, "t", not internal
      00000001  one partition:
      0000 00000000 00000001  no error, partition 0, leader 1
      00000001 00000001  replicas: 1
      00000001 00000001  in sync: 1
      """)
    let response = MetadataResponse(
      brokers: [.init(nodeID: 1, host: "localhost", port: 9092)], controllerID: 1,
      topics: [
        .init(name: "t", partitions: [.init(index: 0, leaderID: 1, replicaNodes: [1], isrNodes: [1])])
      ])
    #expect(encodeBody(response, version: 1) == body)
    #expect(try decodeBody(MetadataResponse.self, body, version: 1) == response)
  }

  @Test func `a Produce request says where its batches lie in the frame`() throws {
    let body = hex(
      """
      ffff 0001 000003e8  no transaction, acks 1, 1000 ms
      00000001 0001 74  one topic "t"
      00000003  three partitions:
      00000000 00000004 deadbeef  partition 0: four bytes
      00000001 ffffffff  partition 1: null
      00000002 00000000  partition 2: empty
      """)
    let request = try decodeBody(ProduceRequest.self, body, version: 7)
    #expect(request.transactionalID == nil)
    #expect(request.acks == 1)
    #expect(request.timeout == .seconds(1))
    let partitions = try #require(request.topics.first).partitions
    #expect(partitions.map(\.index) == [0, 1, 2])
    #expect(partitions.map(\.records) == [27..<31, nil, 47..<47])
    #expect([UInt8](body[27..<31]) == [0xde, 0xad, 0xbe, 0xef])
  }

  @Test func `a Produce request in its frame counts the header into the places of its batches`() throws {
    let request = ProduceRequest(
      acks: 1, timeout: .seconds(1), topics: [.init(name: "t", partitions: [.init(index: 0, records: 0..<4)])])
    let whole = request.frame(version: 7, correlationID: 1, clientID: "c").filled(with: [[0xde, 0xad, 0xbe, 0xef]])
    #expect(whole.count == 46)
    let decoded = try read([UInt8](whole[4...])) { reader throws(KafkaDecodingError) in
      let header = try KafkaRequestHeader(decoding: &reader)
      return try ProduceRequest(decoding: &reader, version: header.apiVersion)
    }
    #expect(decoded.topics[0].partitions[0].records == 38..<42)
    #expect(whole[4...][(4 + 38)..<(4 + 42)] == [0xde, 0xad, 0xbe, 0xef])
  }

  @Test func `a Fetch request of version 11 brings its session and rack`() throws {
    let body = hex(
      """
      ffffffff 000001f4 00000001 03200000 00  consumer, 500 ms, 1 byte, 50 MiB, read uncommitted
      00000000 ffffffff  no session
      00000001 0001 74  one topic "t"
      00000001 00000003 ffffffff  partition 3, no leader epoch
      0000000000000007 ffffffffffffffff 00100000  from offset 7, no follower, 1 MiB
      00000000  nothing forgotten
      0000  no rack
      """)
    let request = FetchRequest(
      maxWait: .milliseconds(500), minBytes: 1, maxBytes: 50 << 20,
      topics: [.init(name: "t", partitions: [.init(index: 3, fetchOffset: 7, maxBytes: 1 << 20)])])
    #expect(encodeBody(request, version: 11) == body)
    #expect(try decodeBody(FetchRequest.self, body, version: 11) == request)
  }

  @Test func `a Fetch response leaves a gap for the batches of each partition that has any`() {
    let response = FetchResponse(topics: [
      .init(
        name: "t",
        partitions: [
          .init(index: 0, highWatermark: 9, lastStableOffset: 9, logStartOffset: 0, records: 0..<3),
          .init(index: 1, highWatermark: 4, lastStableOffset: 4, logStartOffset: 0),
          .init(index: 2, highWatermark: 8, lastStableOffset: 8, logStartOffset: 0, records: 500..<502),
        ])
    ])
    let frame = response.frame(version: 11, correlationID: 42)
    let head = hex(
      """
      0000009c  length: 156 bytes follow, batches included
      0000002a 00000000 0000 00000000  correlation 42, no throttling, no error, no session
      00000001 0001 74 00000003  one topic "t", three partitions:
      00000000 0000 0000000000000009 0000000000000009 0000000000000000 ffffffff ffffffff  partition 0
      00000003  three bytes of batches
      """)
    let middle = hex(
      """
      00000001 0000 0000000000000004 0000000000000004 0000000000000000 ffffffff ffffffff  partition 1
      00000000  none
      00000002 0000 0000000000000008 0000000000000008 0000000000000000 ffffffff ffffffff  partition 2
      00000002  two bytes
      """)
    #expect(frame.bytes == head + middle)
    #expect(frame.gaps.map(\.offset) == [head.count, head.count + middle.count])
    #expect(frame.gaps.map(\.length) == [3, 2])
    #expect(frame.count == 160)
    #expect(frame.filled(with: [[1, 2, 3], [4, 5]]) == head + [1, 2, 3] + middle + [4, 5])
  }

  @Test func `a JoinGroup request of version 5 brings the name of a static member`() throws {
    let body = hex(
      """
      0001 67 00001770 0000ea60  group "g", session 6 s, rebalance 60 s
      0000 0006 736c6f742d31  no member id yet, static member "slot-1"
      0008 636f6e73756d6572  "consumer"
      00000001 0005 72616e6765 00000002 0001  one protocol "range", two bytes
      """)
    let request = JoinGroupRequest(
      groupID: "g", sessionTimeout: .seconds(6), rebalanceTimeout: .seconds(60), groupInstanceID: "slot-1",
      protocolType: "consumer", protocols: [.init(name: "range", metadata: [0, 1])])
    #expect(encodeBody(request, version: 5) == body)
    #expect(try decodeBody(JoinGroupRequest.self, body, version: 5) == request)
  }

  @Test func `a JoinGroup request of version 0 has no rebalance timeout`() throws {
    let body = hex("0001 67 00001770 0000 0008 636f6e73756d6572 00000000")
    let request = try decodeBody(JoinGroupRequest.self, body, version: 0)
    #expect(request.sessionTimeout == .seconds(6))
    #expect(request.rebalanceTimeout == .milliseconds(-1))
    #expect(request.groupInstanceID == nil)
  }

  @Test func `an OffsetFetch request asks for all topics by null, since version 2`() throws {
    let all = hex("0001 67 ffffffff")
    #expect(try decodeBody(OffsetFetchRequest.self, all, version: 2).topics == nil)
    #expect(throws: KafkaDecodingError(.unexpectedNull, at: 3)) {
      try decodeBody(OffsetFetchRequest.self, all, version: 1)
    }
    #expect(encodeBody(OffsetFetchRequest(groupID: "g", topics: nil), version: 2) == all)
    #expect(encodeBody(OffsetFetchRequest(groupID: "g", topics: nil), version: 1) == hex("0001 67 00000000"))
  }

  @Test func `an OffsetCommit request keeps its retention time until version 4`() throws {
    let request = OffsetCommitRequest(groupID: "g", retentionTime: .seconds(86_400), topics: [])
    let kept = try decodeBody(OffsetCommitRequest.self, encodeBody(request, version: 4), version: 4)
    #expect(kept.retentionTime == .seconds(86_400))
    let dropped = try decodeBody(OffsetCommitRequest.self, encodeBody(request, version: 5), version: 5)
    #expect(dropped.retentionTime == .milliseconds(-1))
  }

  @Test func `an InitProducerId request tells its old id only since version 3`() throws {
    let request = InitProducerIDRequest(transactionTimeout: .seconds(1), producerID: 7, producerEpoch: 2)
    #expect(encodeBody(request, version: 1) == hex("ffff 000003e8"))
    #expect(encodeBody(request, version: 2) == hex("00 000003e8 00"))
    #expect(encodeBody(request, version: 3) == hex("00 000003e8 0000000000000007 0002 00"))
    #expect(try decodeBody(InitProducerIDRequest.self, hex("ffff 000003e8"), version: 1).producerID == -1)
  }
}

struct KafkaHeaderTests {
  @Test func `the header of a request that is too new is read as far as all versions agree`() throws {
    // ApiVersions 99: what follows the client id is anyone's guess.
    let bytes = hex("0012 0063 0000002a 0001 63 ffffffff")
    let (header, left) = try bytes.withUnsafeBytes { frame in
      var reader = KafkaReader(frame)
      return (try KafkaRequestHeader(decoding: &reader), reader.remaining)
    }
    #expect(header.api == .apiVersions)
    #expect(header.apiVersion == 99)
    #expect(header.correlationID == 42)
    #expect(header.clientID == "c")
    #expect(!header.isImplemented)
    #expect(left == 4)
  }

  @Test func `the header of an unknown API is read`() throws {
    let header = try read(hex("7fff 0000 00000001 ffff")) { reader throws(KafkaDecodingError) in
      try KafkaRequestHeader(decoding: &reader)
    }
    #expect(header.apiKey == 0x7fff)
    #expect(header.api == nil)
    #expect(header.clientID == nil)
    #expect(!header.isImplemented)
  }

  @Test func `tagged fields of a flexible header are skipped`() throws {
    // ListGroups 4, one tagged field (tag 5, two bytes), then an empty body.
    let states = try read(hex("0010 0004 00000001 ffff 01 05 02 abcd 01 00")) { reader throws(KafkaDecodingError) in
      _ = try KafkaRequestHeader(decoding: &reader)
      return try ListGroupsRequest(decoding: &reader, version: 4).statesFilter
    }
    #expect(states == [])
  }

  @Test(arguments: KafkaAPI.allCases)
  func `what is implemented is advertised`(_ api: KafkaAPI) {
    #expect(api.advertisedVersions.upperBound == api.implementedVersions.upperBound)
    #expect(api.advertisedVersions.lowerBound == (api == .produce ? 0 : api.implementedVersions.lowerBound))
  }

  @Test func `only three APIs are flexible`() {
    let flexible = KafkaAPI.allCases.flatMap { api in
      api.implementedVersions.filter(api.isFlexible).map { "\(api) \($0)" }
    }
    #expect(
      flexible == [
        "listGroups 3", "listGroups 4", "apiVersions 3", "apiVersions 4", "initProducerID 2", "initProducerID 3",
        "initProducerID 4",
      ])
  }
}
