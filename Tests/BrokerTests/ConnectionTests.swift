import EventLoop
import Telemetry
import Testing
import Wire

@testable import Broker

@Suite struct ConnectionTests {
  private func batch(_ values: [String]) -> [UInt8] {
    var builder = RecordBatchBuilder(baseTimestamp: 1000)
    for value in values { builder.append(key: nil, value: Array(value.utf8), timestamp: 1000) }
    return builder.finish { crc32c($0) }
  }

  private func produce(_ batch: [UInt8], acks: Int16 = 1) -> ProduceRequest {
    ProduceRequest(
      acks: acks, timeout: .seconds(5),
      topics: [.init(name: "t", partitions: [.init(index: 0, records: 0..<batch.count)])])
  }

  private func fetch(from offset: Int64, maxWait: Duration, minBytes: Int32 = 1) -> FetchRequest {
    FetchRequest(
      maxWait: maxWait, minBytes: minBytes, maxBytes: 1 << 20,
      topics: [.init(name: "t", partitions: [.init(index: 0, fetchOffset: offset, maxBytes: 1 << 20)])])
  }

  @Loop private func withClient(
    _ flags: [String] = [], _ body: @Loop (TestClient, TestBroker) async throws -> Void
  ) async throws {
    let server = try TestBroker(flags)
    try server.broker.topics.create("t", partitions: 1, overrides: [:])
    let client = try await server.connect()
    do { try await body(client, server) } catch {
      await server.stop()
      throw error
    }
    await server.stop()
  }

  @Test @Loop func `a version of ApiVersions that is too new is answered in the form of version 0`() async throws {
    try await withClient { client, _ in
      var writer = KafkaWriter()
      writer.int32(0)
      KafkaRequestHeader(api: .apiVersions, version: 9, correlationID: 3).encode(into: &writer)
      client.send(writer.finishFrame().bytes)
      let response = try await client.answer(ApiVersionsResponse.self, version: 0, correlationID: 3)
      #expect(response.errorCode == .unsupportedVersion)
      #expect(response.apiKeys.contains(.init(apiKey: 0, minVersion: 0, maxVersion: 7)))
      #expect(response.apiKeys.count == KafkaAPI.allCases.count)
    }
  }

  @Test(arguments: [
    [0xff, 0xff, 0xff, 0xff], [0x7f, 0xff, 0xff, 0xff], [0, 0, 0, 2, 0, 0],
    // Produce version 2 and an API that does not exist.
    [0, 0, 0, 10, 0, 0, 0, 2, 0, 0, 0, 1, 0xff, 0xff], [0, 0, 0, 10, 0x7f, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff],
    Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8),
  ])
  @Loop func `what is no request that we speak ends its connection and no other`(bytes: [UInt8]) async throws {
    try await withClient { client, server in
      let other = try await server.connect()
      client.send(bytes)
      #expect(try await client.next() == nil)
      #expect(try await other.ask(ListGroupsRequest(), version: 0).errorCode == .none)
    }
  }

  @Test @Loop func `a produce behind a waiting fetch is carried out at once and answered in its turn`() async throws {
    try await withClient { client, _ in
      let records = batch(["one", "two"])
      client.send(fetch(from: 0, maxWait: .seconds(60)), version: 11, correlationID: 1)
      client.send(produce(records), version: 7, correlationID: 2, records: [records])
      let fetched = try await client.answer(FetchResponse.self, version: 11, correlationID: 1)
      #expect(fetched.topics[0].partitions[0].highWatermark == 2)
      #expect(fetched.topics[0].partitions[0].records?.count == records.count)
      let produced = try await client.answer(ProduceResponse.self, version: 7, correlationID: 2)
      #expect(produced.topics[0].partitions[0].baseOffset == 0)
    }
  }

  @Test @Loop func `a fetch waits until there are as many bytes as it asks for`() async throws {
    try await withClient { client, server in
      let producer = try await server.connect()
      let records = batch(["x"])
      client.send(
        fetch(from: 0, maxWait: .seconds(60), minBytes: Int32(3 * records.count)), version: 4, correlationID: 1)
      for _ in 0..<3 { _ = try await producer.ask(produce(records), version: 7, records: [records]) }
      let fetched = try await client.answer(FetchResponse.self, version: 4, correlationID: 1)
      #expect(fetched.topics[0].partitions[0].records?.count == 3 * records.count)
      #expect(server.broker.metrics.recordsOut.value == 3)
      #expect(server.broker.metrics.bytesOut.value == 3 * records.count)
    }
  }

  @Test @Loop func `a fetch whose time is up is answered with what there is`() async throws {
    try await withClient { client, _ in
      let fetched = try await client.ask(fetch(from: 0, maxWait: .milliseconds(30)), version: 11)
      #expect(
        fetched.topics[0].partitions[0]
          == .init(
            index: 0, highWatermark: 0, lastStableOffset: 0, logStartOffset: 0,
            records: fetched.topics[0].partitions[0].records))
      #expect(fetched.topics[0].partitions[0].records?.isEmpty == true)
    }
  }

  @Test(arguments: ["interval", "always", "none"])
  @Loop func `acks of all is answered under every way of flushing`(mode: String) async throws {
    try await withClient(["--flush", mode]) { client, server in
      let records = batch(["x"])
      for offset in 0..<20 {
        let response = try await client.ask(produce(records, acks: -1), version: 7, records: [records])
        #expect(response.topics[0].partitions[0].baseOffset == Int64(offset))
        let log = try #require(server.broker.topics.partition("t", 0)?.log)
        if mode != "none" { #expect(log.durableOffset == Int64(offset + 1)) }
      }
    }
  }

  @Test @Loop func `damaged records are refused and nothing of them is kept`() async throws {
    try await withClient { client, server in
      var records = batch(["x"])
      records[records.count - 1] ^= 1
      let response = try await client.ask(produce(records), version: 7, records: [records])
      #expect(response.topics[0].partitions[0].errorCode == .corruptMessage)
      #expect(server.broker.topics.partition("t", 0)?.log.endOffset == 0)
    }
  }

  @Test @Loop func `transactions and unknown acknowledgements are refused in words a client understands`() async throws
  {
    try await withClient { client, _ in
      let producer = try await client.ask(
        InitProducerIDRequest(transactionalID: "x", transactionTimeout: .seconds(1)), version: 1)
      #expect(producer.errorCode == .transactionalIDAuthorizationFailed)
      let coordinator = try await client.ask(FindCoordinatorRequest(key: "x", keyType: 1), version: 1)
      #expect(coordinator.errorCode == .transactionalIDAuthorizationFailed)
      let records = batch(["x"])
      let response = try await client.ask(produce(records, acks: 2), version: 7, records: [records])
      #expect(response.topics[0].partitions[0].errorCode == .invalidRequiredAcks)
    }
  }

  @Test @Loop func `too many bytes of unfinished requests end the connection that went too far`() async throws {
    try await withClient(["--max-held-bytes", "1MiB"]) { client, server in
      let other = try await server.connect()
      client.send([0, 0x40, 0, 0] + [UInt8](repeating: 0, count: 2 << 20))
      #expect(try await client.next() == nil)
      #expect(server.broker.heldBytes == 0)
      #expect(try await other.ask(ListGroupsRequest(), version: 0).errorCode == .none)
    }
  }

  @Test @Loop func `connections beyond the limit are closed at once`() async throws {
    try await withClient(["--max-connections", "2"]) { client, server in
      let second = try await server.connect()
      let third = try await server.connect()
      #expect(try await third.next() == nil)
      #expect(try await second.ask(ListGroupsRequest(), version: 0).errorCode == .none)
      second.close()
      _ = try await client.ask(ListGroupsRequest(), version: 0)
      let fourth = try await server.connect()
      #expect(try await fourth.ask(ListGroupsRequest(), version: 0).errorCode == .none)
    }
  }

  @Test @Loop func `a connection that asks nothing is closed in time, one that waits for an answer is not`()
    async throws
  {
    try await withClient(["--idle-timeout", "1s"]) { client, server in
      let waiting = try await server.connect()
      waiting.send(fetch(from: 0, maxWait: .milliseconds(2500)), version: 11, correlationID: 1)
      _ = try await client.ask(ListGroupsRequest(), version: 0)
      #expect(try await client.next() == nil)
      #expect(!waiting.isClosed)
      let fetched = try await waiting.answer(FetchResponse.self, version: 11, correlationID: 1)
      #expect(fetched.topics[0].partitions[0].errorCode == .none)
    }
  }

  @Test @Loop func `offsets of a partition that does not exist are refused alone`() async throws {
    try await withClient { client, _ in
      let response = try await client.ask(
        OffsetCommitRequest(
          groupID: "g",
          topics: [
            .init(
              name: "t",
              partitions: [
                .init(index: 5, committedOffset: 1, committedMetadata: ""),
                .init(index: 0, committedOffset: 3, committedMetadata: "note"),
              ])
          ]), version: 7)
      #expect(response.topics[0].partitions.map(\.errorCode) == [.unknownTopicOrPartition, .none])
      let fetched = try await client.ask(OffsetFetchRequest(groupID: "g", topics: nil), version: 5)
      #expect(fetched.topics.map(\.name) == ["t"])
      #expect(fetched.topics[0].partitions.map(\.committedOffset) == [3])
      #expect(fetched.topics[0].partitions.map(\.metadata) == ["note"])
    }
  }
}
