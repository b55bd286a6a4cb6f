import Contract
import EventLoop
import HTTP
import Mesh
import Storage
import Wire

/// The way of a file: the service gives leave, the bytes are collected on disk and put into storage, and then the service
/// is asked the endpoint's own question, which says where the file is. Nothing of it goes through Kafka but that.
///
/// Whatever ends the way early leaves nothing behind: a file on disk has no name, and one in storage is removed when the
/// service has answered. Only where the service did not answer in time it stays, since the service may be at it, until it
/// is swept.
extension Edge {
  /// Bytes of a form beside the file in it.
  private static let formOverhead = 64 * 1024
  /// Characters of a file's name.
  private static let nameLimit = 255

  /// Takes the file that comes with a request to `route`.
  func upload(
    _ rules: Route.Upload, to route: RoutedEndpoint, _ caller: Caller, _ path: PathValues, _ idempotencyKey: String?,
    for exchange: Exchange
  ) throws(Rejection) {
    if case .member(let member, _, let signIn) = caller { noticed(member, signIn) }
    let head = exchange.head
    guard head.framing.body != .none, let type = head["content-type"] else {
      throw Rejection(400, "file_missing", "Send the file as the body, with its Content-Type, or in a form.")
    }
    let isForm = MultipartMachine.isForm(type)
    if !isForm { try check(type, rules) }
    let most = isForm ? rules.limit + Self.formOverhead : rules.limit
    if case .fixed(let length) = head.framing.body, length > most { throw Self.tooLarge(rules.limit) }
    guard let uploads else { throw .unavailable("Files cannot be stored here.") }
    try uploads.begin()
    exchange.request.bodyLimit = most
    Task.immediate { @Loop in
      defer { uploads.end() }
      do throws(Rejection) {
        let limit = try await leave(for: route, caller, path, rules, exchange)
        guard let file = try await collect(exchange, rules, limit, uploads) else { return }
        try await hand(file, to: route, caller, path, idempotencyKey, uploads, exchange)
      } catch {
        reject(exchange, error)
      }
    }
  }

  /// A file that was collected.
  private struct File {
    let spool: Spool
    let mediaType: String
    let name: String?
  }

  /// Asks the service for leave; returns how many bytes the file may have.
  private func leave(
    for route: RoutedEndpoint, _ caller: Caller, _ path: PathValues, _ rules: Route.Upload, _ exchange: Exchange
  ) async throws(Rejection) -> Int {
    let head = exchange.head
    var members: [(String, JSONTree)] = []
    if let type = head["content-type"], !MultipartMachine.isForm(type) {
      members.append(("mediaType", .string(Self.essence(of: type))))
    }
    if case .fixed(let length) = head.framing.body { members.append(("size", .integer(length))) }
    var question = question(route.endpoint.record, caller, path, nil, JSONTree.object(members).bytes, exchange)
    question.passport.endpoint += Route.ticketSuffix
    question.hedgeAfter = options.hedgeReadsAfter
    let answer: Answer
    switch try await put(question, to: route, exchange) {
    case .success(let said): answer = said
    case .failure(let error): throw Rejection(error)
    }
    guard answer.kind == .reply else { throw Rejection(answer) }
    let ticket: UploadTicket
    do throws(Problem) { ticket = try FieldDecoding.decode(from: answer.body) } catch { throw Rejection(error) }
    let limit = min(ticket.limit ?? rules.limit, rules.limit)
    if case .fixed(let length) = head.framing.body, length > limit + Self.formOverhead { throw Self.tooLarge(limit) }
    return limit
  }

  /// Asks a service, and waits. Throws a rejection before anything is asked.
  private func put(
    _ question: Question, to route: RoutedEndpoint, _ exchange: Exchange
  ) async throws(Rejection) -> Result<Answer, AskError> {
    try begin(route.upstream)
    let result = await withCheckedContinuation { continuation in
      ask(question) { continuation.resume(returning: $0) }
    }
    end(route.upstream, result, for: exchange)
    return result
  }

  /// Collects the file; nil when the client is gone, or has its answer already.
  private func collect(
    _ exchange: Exchange, _ rules: Route.Upload, _ limit: Int, _ uploads: Uploads
  ) async throws(Rejection) -> File? {
    let spool = try await uploads.spool()
    let type = exchange.head["content-type"] ?? ""
    var form: MultipartMachine?
    if MultipartMachine.isForm(type) {
      form = try Self.form { () throws(MultipartMachine.Failure) in try .init(mediaType: type) }
    }
    var part: MultipartMachine.Part?
    var isInFile = form == nil
    while true {
      let bytes: [UInt8]?
      do { bytes = try await exchange.request.nextBytes() } catch { return nil }
      guard let bytes else { break }
      guard form != nil else {
        try await add(bytes, to: spool, limit, uploads)
        continue
      }
      let events = try Self.form { () throws(MultipartMachine.Failure) in try form?.append(bytes) ?? [] }
      for event in events {
        switch event {
        case .part(let next):
          isInFile = next.fileName != nil
          guard isInFile else { continue }
          guard part == nil else { throw Rejection(400, "several_files", "Send one file with each request.") }
          try check(next.mediaType ?? "", rules)
          part = next
        case .bytes(let bytes): if isInFile { try await add(bytes, to: spool, limit, uploads) }
        case .end: isInFile = false
        }
      }
    }
    guard form != nil else { return File(spool: spool, mediaType: Self.essence(of: type), name: nil) }
    try Self.form { () throws(MultipartMachine.Failure) in try form?.finish() }
    guard let part else { throw Rejection(400, "file_missing", "There is no file in the form.") }
    let name = part.fileName.flatMap { $0.isEmpty ? nil : String($0.prefix(Self.nameLimit)) }
    return File(spool: spool, mediaType: Self.essence(of: part.mediaType ?? ""), name: name)
  }

  private func add(_ bytes: [UInt8], to spool: Spool, _ limit: Int, _ uploads: Uploads) async throws(Rejection) {
    guard spool.size + bytes.count <= limit else { throw Self.tooLarge(limit) }
    do throws(StorageError) { try await spool.append(bytes) } catch { throw uploads.unavailable(error) }
  }

  /// Puts the file into storage, tells the service, and answers the client with what it says.
  private func hand(
    _ file: File, to route: RoutedEndpoint, _ caller: Caller, _ path: PathValues, _ idempotencyKey: String?,
    _ uploads: Uploads, _ exchange: Exchange
  ) async throws(Rejection) {
    let key = try await uploads.store(file.spool, type: file.mediaType)
    var members: [(String, JSONTree)] = [
      ("size", .integer(file.spool.size)), ("sha256", .string(file.spool.sha256)),
      ("mediaType", .string(file.mediaType)),
    ]
    if let name = file.name { members.append(("fileName", .string(name))) }
    var question = question(
      route.endpoint.record, caller, path, idempotencyKey, JSONTree.object(members).bytes, exchange)
    question.passport.object = key
    var mayStillBeTaken = false
    do throws(Rejection) {
      switch try await put(question, to: route, exchange) {
      case .success(let said): answer(exchange, said)
      case .failure(let error):
        if case .timedOut = error { mayStillBeTaken = true }
        throw Rejection(error)
      }
    } catch {
      reject(exchange, error)
    }
    if !mayStillBeTaken { await uploads.remove(key) }
  }

  // MARK: What is wrong with a file

  private func check(_ mediaType: String, _ rules: Route.Upload) throws(Rejection) {
    guard !rules.accepts(mediaType) else { return }
    let accepted = rules.accepts.joined(separator: ", ")
    throw Rejection(
      415, "unsupported_media_type", "Files of this kind are not taken here; what is: \(accepted).",
      headers: [("Accept-Post", accepted)])
  }

  private static func tooLarge(_ limit: Int) -> Rejection {
    Rejection(413, "body_too_large", "The file is too large: at most \(limit) bytes are taken here.")
  }

  private static func form<Value>(
    _ read: () throws(MultipartMachine.Failure) -> Value
  ) throws(Rejection) -> Value {
    do throws(MultipartMachine.Failure) { return try read() } catch {
      throw Rejection(400, error.rawValue, "The form cannot be read; send it as RFC 7578 says.")
    }
  }

  /// A media type without its parameters.
  private static func essence(of mediaType: String) -> String {
    mediaType.prefix { $0 != ";" && $0 != " " }.lowercased()
  }
}
