import CEpoll
import Glibc

/// A stretch of an open file, to be sent without copying it through user space.
public struct FileRegion {
  /// Whatever keeps `descriptor` open; released when the region has been sent.
  public let owner: AnyObject
  /// The open file.
  public let descriptor: CInt
  /// Where the stretch begins, in bytes.
  public var offset: Int
  /// How long it is, in bytes.
  public var count: Int

  /// Describes `count` bytes from `offset` of the file that `owner` keeps open.
  public init(owner: AnyObject, descriptor: CInt, offset: Int, count: Int) {
    (self.owner, self.descriptor, self.offset, self.count) = (owner, descriptor, offset, count)
  }
}

/// What a socket still has to send, in order: bytes from memory and stretches of files.
///
/// Small writes are gathered into one chunk, so that a turn's answers leave in one `sendmsg`.
struct OutputQueue {
  private enum Item {
    case bytes([UInt8])
    case file(FileRegion)
  }

  enum Progress: Equatable {
    case drained
    /// The socket's buffer is full.
    case blocked
    case failed(CInt)
  }

  /// Up to here, a new write joins the chunk before it.
  private static let gathering = 16 * 1024
  private static let vectors = 64
  /// Up to here, a stretch of a file joins the bytes around it: reading it costs less than a `sendfile`, the call for what
  /// follows, and the peer's waking up for each of them.
  private static let copying = 8 * 1024

  private var items: [Item] = []
  private var head = 0
  /// Bytes of the first item that have been sent; file regions shrink instead.
  private var sentOfFirst = 0
  private(set) var count = 0

  var isEmpty: Bool { count == 0 }

  mutating func append(_ bytes: [UInt8]) {
    guard !bytes.isEmpty else { return }
    // The first chunk is shared with its sender, so that what goes to many sockets is not copied for each.
    if bytes.count < Self.gathering / 4, !items.isEmpty {
      bytes.withUnsafeBytes { append(copying: $0) }
    } else {
      count += bytes.count
      items.append(.bytes(bytes))
    }
  }

  mutating func append(copying bytes: UnsafeRawBufferPointer) {
    guard !bytes.isEmpty else { return }
    count += bytes.count
    if head < items.count, case .bytes(var chunk) = items[items.count - 1], chunk.count < Self.gathering {
      // Taken out and put back, so that the chunk has one owner while it grows.
      items[items.count - 1] = .bytes([])
      chunk.append(contentsOf: bytes)
      items[items.count - 1] = .bytes(chunk)
    } else {
      items.append(.bytes([UInt8](bytes)))
    }
  }

  mutating func append(_ region: FileRegion) {
    guard region.count > 0 else { return }
    if region.count <= Self.copying, append(copying: region) { return }
    count += region.count
    items.append(.file(region))
  }

  /// Copies a region; false when not all of it can be read.
  private mutating func append(copying region: FileRegion) -> Bool {
    withUnsafeTemporaryAllocation(byteCount: region.count, alignment: 1) { buffer in
      let read = pread(region.descriptor, buffer.baseAddress, region.count, off_t(region.offset))
      guard read == region.count else { return false }
      append(copying: UnsafeRawBufferPointer(buffer))
      return true
    }
  }

  /// Forgets everything.
  mutating func removeAll() { self = OutputQueue() }

  /// Sends as much as the socket takes now, but not more than `budget` bytes, so that one peer does not hold the loop.
  mutating func write(to descriptor: CInt, budget: Int) -> Progress {
    var budget = budget
    while head < items.count {
      guard budget > 0 else { return .blocked }
      let sent: Int
      if case .file(let region) = items[head] {
        var offset = off_t(region.offset)
        sent = sendfile(descriptor, region.descriptor, &offset, min(region.count, budget))
        // The file is shorter than the region: its owner broke the promise that regions are immutable.
        if sent == 0 { return .failed(EIO) }
      } else {
        sent = writeChunks(to: descriptor)
      }
      if sent < 0 {
        if errno == EINTR { continue }
        return errno == EAGAIN ? .blocked : .failed(errno)
      }
      budget -= sent
      advance(by: sent)
    }
    removeAll()
    return .drained
  }

  /// Sends the run of chunks at the head in one call.
  private func writeChunks(to descriptor: CInt) -> Int {
    withUnsafeTemporaryAllocation(of: iovec.self, capacity: Self.vectors) { vectors in
      var used = 0
      var index = head
      while index < items.count, used < Self.vectors, case .bytes(let chunk) = items[index] {
        // The chunk stays in `items`, which nobody changes before the call returns.
        chunk.withUnsafeBytes { bytes in
          let skipped = index == head ? sentOfFirst : 0
          vectors[used] = iovec(
            iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress! + skipped), iov_len: bytes.count - skipped)
        }
        used += 1
        index += 1
      }
      var message = msghdr()
      message.msg_iov = vectors.baseAddress
      message.msg_iovlen = used
      // What follows right behind shall share the packet.
      let more = index < items.count ? CInt(MSG_MORE) : 0
      return sendmsg(descriptor, &message, CInt(MSG_NOSIGNAL) | more)
    }
  }

  private mutating func advance(by sent: Int) {
    count -= sent
    var left = sent
    while left > 0 {
      switch items[head] {
      case .file(var region):
        region.offset += left
        region.count -= left
        left = 0
        items[head] = .file(region)
        if region.count == 0 { dropFirst() }
      case .bytes(let chunk):
        let rest = chunk.count - sentOfFirst
        if left < rest {
          sentOfFirst += left
          return
        }
        left -= rest
        dropFirst()
      }
    }
  }

  private mutating func dropFirst() {
    items[head] = .bytes([])
    sentOfFirst = 0
    head += 1
    if head > 64, head * 2 > items.count {
      items.removeFirst(head)
      head = 0
    }
  }
}
