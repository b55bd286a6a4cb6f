import EventLoop
import Wire

/// Why the body of a request, or the way back to its client, broke off.
public enum HTTPBroken: Error, Hashable {
  /// The client is gone.
  case disconnected
  /// The body came slower than `HTTPServer.Limits.bodyRate`; the client got 408.
  case tooSlow
  /// The body breaks HTTP or is larger than `bodyLimit`; the client got the refusal.
  case refused(HTTPRefusal)
}

/// One request that is being answered.
///
/// A handler reads the body, if it wants it, and answers exactly once, then or later:
///
///     request.withBody { body in request.answer(…) }              // callbacks, no task
///     let body = try await request.body()                         // or async, whole
///     while let bytes = try await request.nextBytes() { … }       // or piece by piece
///
/// Reading decides the pace: while nobody reads, at most about 128 KiB wait here and the client is held back. A body
/// that nobody reads is thrown away when it is short; else the connection closes after the answer.
@Loop public final class HTTPRequest {
  /// The request line and headers.
  public let head: HTTPRequestHead

  /// The socket's other end: the client, or the proxy before us.
  public var peer: SocketAddress? { connection?.peer }

  /// Whether the client still waits for the answer. False once it is sent or the client gone. A client that has ended its
  /// half of the connection is taken for gone, though it may still read.
  public var isAwaited: Bool { !isAnswered && connection?.peerEnded == false }

  /// How many bytes the body may have. May be set until reading begins; begins as `HTTPServer.Limits.body`.
  public var bodyLimit: Int { didSet { connection?.limitBody(to: bodyLimit) } }

  /// Until the answer is sent, or the client gone.
  private var connection: HTTPConnection?
  private var arrived: [UInt8] = []
  private var isComplete = false
  private var isAnswered = false
  private var failure: HTTPBroken?
  private var reader: Reader?
  /// The task that makes the answer, so that it ends with the connection.
  private var task: Task<Void, Never>?

  /// Who waits for the body.
  private enum Reader {
    case whole(@Loop (Result<[UInt8], HTTPBroken>) -> Void)
    case next(Promise<[UInt8]?>)
  }

  init(_ head: HTTPRequestHead, on connection: HTTPConnection, bodyLimit: Int) {
    self.head = head
    self.connection = connection
    self.bodyLimit = bodyLimit
  }

  /// Hands the whole body to `then` as soon as it is there, which may be at once. Empty when there is none.
  public func withBody(_ then: @escaping @Loop (Result<[UInt8], HTTPBroken>) -> Void) {
    precondition(reader == nil, "the body of a request has one reader")
    if let failure { return then(.failure(failure)) }
    if isComplete { return then(.success(take())) }
    reader = .whole(then)
    connection?.bodyIsWanted()
  }

  /// The whole body. Empty when there is none.
  ///
  /// Throws `HTTPBroken`, or `CancellationError` when the task is cancelled.
  public func body() async throws -> [UInt8] {
    if let failure { throw failure }
    if isComplete { return take() }
    let promise = Promise<[UInt8]>()
    withBody { result in
      switch result {
      case .success(let bytes): promise.fulfil(bytes)
      case .failure(let failure): promise.fail(failure)
      }
    }
    do {
      return try await promise.value
    } catch {
      // When the task was cancelled, nobody reads any more.
      reader = nil
      throw error
    }
  }

  /// The next bytes of the body, as they come; nil at its end.
  ///
  /// Throws `HTTPBroken`, or `CancellationError` when the task is cancelled.
  public func nextBytes() async throws -> [UInt8]? {
    precondition(reader == nil, "the body of a request has one reader")
    if let failure { throw failure }
    if !arrived.isEmpty { return take() }
    if isComplete { return nil }
    let promise = Promise<[UInt8]?>()
    reader = .next(promise)
    connection?.bodyIsWanted()
    do {
      return try await promise.value
    } catch {
      reader = nil
      throw error
    }
  }

  /// Answers the request; once. Nothing happens when the client is gone.
  public func answer(_ response: HTTPResponse) {
    precondition(!isAnswered, "a request is answered once")
    isAnswered = true
    connection?.answer(response)
  }

  /// Answers with what `make` returns. An `HTTPRefusal` it throws becomes `HTTPServer.problem`; any other error becomes
  /// 500 and goes to `HTTPServer.failed`. The task is cancelled when the client goes.
  public func answer(with make: @escaping @Loop () async throws -> HTTPResponse) {
    run {
      do {
        self.answer(try await make())
      } catch {
        if let connection = self.connection { self.answer(connection.response(to: error)) }
      }
    }
  }

  /// Leaves HTTP: answers 101 with the headers of `head`, and hands over the socket with the bytes that the client sent
  /// behind the request. The server forgets the connection. Set the socket's delegate before returning to the loop.
  ///
  /// Returns nil when the client is gone.
  ///
  /// - Precondition: `head.framing.wantsUpgrade`, and the status is 101.
  public func upgrade(_ response: HTTPResponseHead) -> (socket: Socket, leftover: [UInt8])? {
    precondition(head.framing.wantsUpgrade && response.status == 101, "the client did not ask to leave HTTP")
    precondition(!isAnswered, "a request is answered once")
    isAnswered = true
    return connection?.upgrade(response)
  }

  // MARK: The connection's side

  /// Whether so much of the body waits unread that the client should be held back.
  var isFull: Bool {
    if case .whole = reader { return false }
    return arrived.count >= 64 * 1024
  }

  /// Runs `work` in a task that ends with the connection. It begins at once, not in a later turn.
  func run(_ work: @escaping @Loop () async -> Void) {
    let running = Task.immediate { @Loop in await work() }
    if connection != nil { task = running }
  }

  func receive(_ bytes: UnsafeRawBufferPointer) {
    if case .next(let promise) = reader, !promise.isSettled {
      reader = nil
      promise.fulfil([UInt8](bytes))
    } else {
      if arrived.isEmpty, case .fixed(let length) = head.framing.body {
        arrived.reserveCapacity(min(length, 64 * 1024))
      }
      arrived.append(contentsOf: bytes)
    }
  }

  func complete() {
    isComplete = true
    let reader = reader
    self.reader = nil
    switch reader {
    case .whole(let then): then(.success(take()))
    case .next(let promise): promise.fulfil(nil)
    case nil: break
    }
  }

  /// The exchange is over: the answer is sent.
  func finish() {
    connection = nil
    task = nil
  }

  /// The body, or the connection with it, is lost.
  func breakOff(_ failure: HTTPBroken) {
    connection = nil
    if !isComplete { self.failure = failure }
    let reader = reader
    self.reader = nil
    switch reader {
    case .whole(let then): then(.failure(failure))
    case .next(let promise): promise.fail(failure)
    case nil: break
    }
    task?.cancel()
    task = nil
  }

  private func take() -> [UInt8] {
    let bytes = arrived
    arrived = []
    connection?.bodyWasTaken()
    return bytes
  }
}
