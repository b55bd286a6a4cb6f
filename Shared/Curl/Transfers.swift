import CCurl
import EventLoop

/// The transfers that are under way, and the connections that they share: the owner of libcurl's multi handle, driven by
/// the event loop.
@Loop final class Transfers {
  /// libcurl asks to be called once, before anything else and on one thread.
  private static let isPrepared: Bool = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

  private let multi: UnsafeMutableRawPointer
  private let limit: Int
  private var running: [UnsafeMutableRawPointer: Transfer] = [:]
  private var watches: [curl_socket_t: Watch] = [:]
  private var timer: LoopTimer?

  /// At most `limit` transfers, over at most so many connections; further transfers wait for one of them.
  init(limit: Int, connections: Int, connectionsPerHost: Int) {
    precondition(Self.isPrepared, "libcurl could not be initialised")
    guard let multi = curl_multi_init() else { preconditionFailure("curl_multi_init: out of memory") }
    (self.multi, self.limit) = (multi, limit)
    ccurl_multi_set_long(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, connections)
    ccurl_multi_set_long(multi, CURLMOPT_MAX_HOST_CONNECTIONS, connectionsPerHost)
    // libcurl calls these on the loop's thread, from within calls that are made here.
    ccurl_multi_set_callbacks(
      multi,
      { _, socket, what, context, _ in
        nonisolated(unsafe) let transfers = context!
        Loop.assumeIsolated { Transfers.from(transfers).watch(socket, what) }
        return 0
      },
      { _, milliseconds, context in
        nonisolated(unsafe) let transfers = context!
        Loop.assumeIsolated { Transfers.from(transfers).expect(after: milliseconds) }
        return 0
      }, Unmanaged.passUnretained(self).toOpaque())
  }

  isolated deinit { close() }

  private var isClosed = false

  /// Ends what is under way and closes all connections. May be repeated.
  func close() {
    guard !isClosed else { return }
    isClosed = true
    for transfer in running.values { end(transfer, CURLE_ABORTED_BY_CALLBACK) }
    curl_multi_cleanup(multi)
    timer?.cancel()
    for watch in watches.values { watch.cancel() }
  }

  private static func from(_ context: UnsafeMutableRawPointer) -> Transfers {
    Unmanaged<Transfers>.fromOpaque(context).takeUnretainedValue()
  }

  /// Begins a transfer; false when there are too many, or when all has ended.
  func begin(_ transfer: Transfer) -> Bool {
    guard !isClosed, running.count < limit else { return false }
    running[transfer.handle] = transfer
    let status = curl_multi_add_handle(multi, transfer.handle)
    precondition(status == CURLM_OK, "curl_multi_add_handle: \(String(cString: curl_multi_strerror(status)))")
    return true
  }

  /// Ends a transfer that nobody waits for any more.
  func cancel(_ transfer: Transfer) {
    if running[transfer.handle] != nil { end(transfer, CURLE_ABORTED_BY_CALLBACK) }
  }

  private func end(_ transfer: Transfer, _ result: CURLcode) {
    curl_multi_remove_handle(multi, transfer.handle)
    running[transfer.handle] = nil
    transfer.ended?(result)
    transfer.ended = nil
  }

  private func watch(_ socket: curl_socket_t, _ what: CInt) {
    if what == CURL_POLL_REMOVE {
      watches.removeValue(forKey: socket)?.cancel()
      return
    }
    let watch =
      watches[socket]
      ?? Watch(socket) { [weak self] readiness in
        var events: CInt = 0
        if readiness.contains(.readable) { events |= CURL_CSELECT_IN }
        if readiness.contains(.writable) { events |= CURL_CSELECT_OUT }
        if !readiness.isDisjoint(with: .hangup) { events |= CURL_CSELECT_ERR }
        self?.act(on: socket, events)
      }
    watches[socket] = watch
    var interest: Readiness = []
    if what & CURL_POLL_IN != 0 { interest.insert(.readable) }
    if what & CURL_POLL_OUT != 0 { interest.insert(.writable) }
    watch.interest = interest
  }

  private func expect(after milliseconds: Int) {
    // It must not be called back from within: the timer fires in a later turn, also when it is due at once.
    guard milliseconds >= 0 else { return timer?.cancel() ?? () }
    let delay = Duration.milliseconds(milliseconds)
    if let timer { return timer.reset(after: delay) }
    timer = Loop.schedule(after: delay) { [weak self] in self?.act(on: CURL_SOCKET_TIMEOUT, 0) }
  }

  private func act(on socket: curl_socket_t, _ events: CInt) {
    guard !isClosed else { return }
    var count: CInt = 0
    curl_multi_socket_action(multi, socket, events, &count)
    var result = CURLE_OK
    while let handle = ccurl_multi_next_done(multi, &result) {
      if let transfer = running[handle] { end(transfer, result) }
    }
  }
}
