import Contract
import Crypto
import Curl
import EventLoop
import Foundation
import Storage
import TestKit
import Testing

/// What every kind of storage must do.
@Suite(.timeLimit(.minutes(2)), .serialized) struct StorageTests {
  /// A folder for each test, removed behind it.
  private final class Folder: Sendable {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("storage-\(UUID())").path
    deinit { try? FileManager.default.removeItem(atPath: path) }
  }

  private let place = Folder()
  private var folder: String { place.path }

  enum Kind: CaseIterable, CustomTestStringConvertible {
    case local, s3
    var testDescription: String { "\(self)" }
  }

  /// Where a kind keeps its objects, for a test to itself.
  @Loop private func open(_ kind: Kind, at time: @escaping @Sendable () -> Timestamp = now) async throws
    -> any ObjectStorage
  {
    let url: String
    switch kind {
    case .local: url = "file://\(folder)/objects"
    case .s3: url = try await S3Server.shared().freshURL()
    }
    return try #require(StorageURL(option: url)).open(clock: time)
  }

  private let key = ObjectKey(.private, of: "notes", "a/b.txt")
  private let other = ObjectKey(.public, of: "notes", "c.txt")

  @Test(arguments: Kind.allCases)
  @Loop func `what was put is there, also under another name, until it is removed`(_ kind: Kind) async throws {
    let storage = try await open(kind)
    try await storage.put(.bytes(Array("hello".utf8)), as: key, type: "text/plain")
    #expect(try await storage.get(key, limit: 5) == Array("hello".utf8))
    try await storage.copy(key, to: other)
    // Everything may be repeated.
    try await storage.copy(key, to: other)
    try await storage.put(.bytes(Array("hello".utf8)), as: key, type: "text/plain")
    try await storage.remove(key)
    try await storage.remove(key)
    #expect(try await storage.get(other, limit: 5) == Array("hello".utf8))
    await #expect(throws: StorageError.missing(key)) { try await storage.get(key, limit: 5) }
    await #expect(throws: StorageError.missing(key)) { try await storage.copy(key, to: other) }
    await #expect(throws: StorageError.tooLarge(other, limit: 4)) { try await storage.get(other, limit: 4) }
  }

  @Test(arguments: Kind.allCases)
  @Loop func `what was collected piece by piece is put as a whole`(_ kind: Kind) async throws {
    let storage = try await open(kind)
    let pool = BackgroundPool(threads: 1)
    defer { pool.stop() }
    let spool = try await Spool.make(in: "\(folder)/spool", pool)
    var all: [UInt8] = []
    for number in 0..<100 {
      let piece = [UInt8](repeating: UInt8(number), count: 40_000)
      try await spool.append(piece)
      all += piece
    }
    #expect(spool.size == 4_000_000)
    #expect(spool.sha256 == Hex.encode(SHA256.hash(all)))
    try await storage.put(.spool(spool), as: key, type: "application/octet-stream")
    #expect(try await storage.get(key, limit: 4_000_000) == all)
  }

  @Test(arguments: Kind.allCases)
  @Loop func `an empty object is an object`(_ kind: Kind) async throws {
    let storage = try await open(kind)
    try await storage.put(.bytes([]), as: key, type: "text/plain")
    #expect(try await storage.get(key, limit: 0) == [])
  }

  @Test(arguments: Kind.allCases)
  @Loop func `sweeping removes what came in long ago, and nothing else`(_ kind: Kind) async throws {
    let storage = try await open(kind)
    let incoming = ObjectKey(incoming: UniqueID(at: Self.now()))
    try await storage.put(.bytes([1]), as: incoming, type: "text/plain")
    try await storage.put(.bytes([1]), as: key, type: "text/plain")
    #expect(try await storage.sweep(before: Self.now() - .seconds(60)) == 0)
    #expect(try await storage.get(incoming, limit: 1) == [1])
    #expect(try await storage.sweep(before: Self.now() + .seconds(60)) == 1)
    await #expect(throws: StorageError.missing(incoming)) { try await storage.get(incoming, limit: 1) }
    #expect(try await storage.get(key, limit: 1) == [1])
  }

  @Test @Loop func `a local object is one file, and nothing half written is left`() async throws {
    let storage = LocalStorage(root: folder)
    try await storage.put(.bytes([7]), as: key, type: "text/plain")
    try await storage.copy(key, to: other)
    try await storage.copy(key, to: other)
    #expect(try FileManager.default.contentsOfDirectory(atPath: "\(folder)/.parts").isEmpty)
    #expect(FileManager.default.contents(atPath: "\(folder)/private/notes/a/b.txt") == Data([7]))
    #expect(storage.place(of: key, now: Self.now()) == .folder(folder))
  }

  @Test @Loop func `a client reads from an S3 server by a signed URL, and only by that`() async throws {
    let storage = try await open(.s3)
    try await storage.put(.bytes(Array("hello".utf8)), as: key, type: "text/plain")
    guard case .url(let url) = storage.place(of: key, now: Self.now()) else {
      Issue.record("not a URL")
      return
    }
    let client = HTTPClient()
    let answer = try await client.send(.init("GET", url))
    #expect(answer.status == 200)
    #expect(answer.body == Array("hello".utf8))
    #expect(answer["content-type"] == "text/plain")
    let forged = url.dropLast() + (url.hasSuffix("0") ? "1" : "0")
    #expect(try await client.send(.init("GET", String(forged))).status == 403)
    client.close()
  }

  @Test @Loop func `an S3 server that is not there is a failure`() async throws {
    let storage = try #require(StorageURL(option: "s3://key:secret@127.0.0.1:1/bucket")).open(clock: Self.now)
    await #expect(throws: StorageError.self) { try await storage.get(key, limit: 1) }
  }

  @Sendable static func now() -> Timestamp {
    Timestamp(microseconds: Int64(Date().timeIntervalSince1970 * 1_000_000))
  }
}

private let now: @Sendable () -> Timestamp = StorageTests.now
