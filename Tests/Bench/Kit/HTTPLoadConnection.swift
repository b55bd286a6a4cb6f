import EventLoop

/// The answer to a request of a load.
public struct HTTPAnswer {
  /// The status.
  public let status: Int
  /// The body.
  public let body: ArraySlice<UInt8>
}

/// One connection of a load: one request at a time, and answers that say how long they are.
@Loop final class HTTPLoadConnection: SocketDelegate {
  private static let answerLimit = 1 << 20

  private let socket: Socket
  private weak var load: HTTPLoad?
  private var input: [UInt8] = []
  private var asked: (number: Int, due: ContinuousClock.Instant)?

  init(_ socket: Socket, _ load: HTTPLoad) {
    (self.socket, self.load) = (socket, load)
    socket.delegate = self
  }

  func send(_ request: [UInt8], number: Int, due: ContinuousClock.Instant) {
    asked = (number, due)
    socket.send(request)
  }

  func close() {
    asked = nil
    socket.close()
  }

  func received(_ bytes: UnsafeMutableRawBufferPointer, on socket: Socket) {
    input.append(contentsOf: bytes)
    while let (answer, size) = parse() {
      input.removeFirst(size)
      guard let (number, due) = asked else {
        load?.answeredUnasked(self)
        continue
      }
      asked = nil
      load?.answered(self, number, answer, due: due)
    }
    if input.count > Self.answerLimit { socket.close() }
  }

  func closed(_ socket: Socket, reason: SocketError?) {
    load?.broke(self, isUnderWay: asked != nil)
    asked = nil
  }

  /// The answer at the head of the input, when it is there as a whole, and how long it is.
  private func parse() -> (HTTPAnswer, size: Int)? {
    guard let head = Self.endOfHead(in: input), head > 12 else { return nil }
    let digits = input[9..<12].map { Int($0) - 48 }
    let end = head + contentLength(before: head)
    guard end <= input.count else { return nil }
    let status = digits[0] * 100 + digits[1] * 10 + digits[2]
    return (HTTPAnswer(status: status, body: input[head..<end]), end)
  }

  private static func endOfHead(in input: [UInt8]) -> Int? {
    input.withUnsafeBytes { bytes in
      var index = 3
      while index < bytes.count {
        if bytes[index] == 10, bytes[index - 1] == 13, bytes[index - 2] == 10, bytes[index - 3] == 13 {
          return index + 1
        }
        index += 1
      }
      return nil
    }
  }

  /// What the field `Content-Length` says; 0 when there is none.
  private func contentLength(before end: Int) -> Int {
    let name = [UInt8]("content-length:".utf8)
    var start = 0
    while start < end {
      let line = input[start..<end].prefix { $0 != 10 }
      // Setting bit 5 makes letters small and leaves hyphen and colon alone.
      if line.count > name.count, zip(line, name).allSatisfy({ $0 | 0x20 == $1 }) {
        return line.dropFirst(name.count).reduce(0) { (48...57).contains($1) ? $0 * 10 + Int($1) - 48 : $0 }
      }
      start = line.endIndex + 1
    }
    return 0
  }
}
