import Glibc

/// Whole batches of one partition as a region of a file, to be sent without copying (sendfile).
///
/// Holds the file open: it may be sent later, whatever happens to the segment meanwhile. Bytes that were once part of
/// a slice never change.
struct LogSlice: Sendable {
  /// Nil when the slice is empty.
  let file: OpenFile?
  /// Where the first batch begins in the file.
  let position: Int
  /// Bytes.
  let count: Int

  static let empty = LogSlice(file: nil, position: 0, count: 0)

  var isEmpty: Bool { count == 0 }

  /// Copies the bytes out: for the broker's own topics and tests.
  func bytes() throws(LogError) -> [UInt8] {
    guard let file else { return [] }
    var failure: LogError?
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      do throws(LogError) {
        let room = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<count])
        filled = try file.read(into: room, at: position)
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    guard bytes.count == count else { throw .storage("read", "a segment", EIO) }
    return bytes
  }
}
