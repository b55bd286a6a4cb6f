import Contract
import EventLoop
import Foundation
import Mesh
import Telemetry
import Testing
import Wire

@testable import Gateway

/// The documents of a small contract, byte for byte. `Tests/EndToEnd/test_documents.py` has others judge them.
@Suite struct DocumentTests {
  @Loop private func documents() throws -> (openAPI: JSONTree, asyncAPI: JSONTree) {
    let routes = RouteTable(reserved: Pages.reserved, metrics: Metrics(), log: .disabled)
    let record = try NotesContract.record
    routes.replace(with: ["notes": record])
    return (OpenAPI.document(routes.endpoints), AsyncAPI.document([record]))
  }

  private static let folder = URL(filePath: #filePath)
    .appending(path: "../../../EndToEnd/Documents").standardizedFileURL

  private func check(_ document: JSONTree, _ name: String) throws {
    let object = try JSONSerialization.jsonObject(with: Data(document.bytes))
    let text = try JSONSerialization.data(
      withJSONObject: object, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
    let golden = Self.folder.appending(path: name)
    if ProcessInfo.processInfo.environment["RECORD"] != nil { try (text + Data("\n".utf8)).write(to: golden) }
    let expected = try Data(contentsOf: golden)
    #expect(
      String(decoding: text, as: UTF8.self) + "\n" == String(decoding: expected, as: UTF8.self),
      "set RECORD=1 to write \(name) anew")
  }

  @Test @Loop func `OpenAPI says what is served`() throws { try check(documents().openAPI, "openapi.json") }

  @Test @Loop func `AsyncAPI says what is published`() throws { try check(documents().asyncAPI, "asyncapi.json") }

  @Test @Loop func `the order in which services come makes no difference`() throws {
    let record = try NotesContract.record
    let turned = ServiceRecord(
      service: "notes", version: 1, endpoints: record.endpoints.reversed(), events: record.events.reversed(),
      pushes: record.pushes.reversed())
    let routes = RouteTable(reserved: [], metrics: Metrics(), log: .disabled)
    routes.replace(with: ["notes": turned])
    #expect(OpenAPI.document(routes.endpoints) == (try documents().openAPI))
    #expect(AsyncAPI.document([turned]) == (try documents().asyncAPI))
  }

  @Test @Loop func `what would disturb others is left out of the routes`() throws {
    let record = try NotesContract.record
    let thief = ServiceRecord(service: "aaa", version: 1, endpoints: record.endpoints, events: [])
    let routes = RouteTable(reserved: Pages.reserved, metrics: Metrics(), log: .disabled)
    routes.replace(with: ["notes": record, "aaa": thief])
    #expect(
      routes.endpoints.map(\.name).sorted() == [
        "notes.add-note", "notes.delete-note", "notes.elsewhere", "notes.greeting", "notes.hang", "notes.note",
        "notes.purge", "notes.seen", "notes.table",
      ])
    routes.replace(with: ["aaa": thief])
    #expect(routes.endpoints.isEmpty)
  }
}
