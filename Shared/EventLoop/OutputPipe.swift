import CEpoll
import Glibc

/// Takes what child processes write: give `input` to them as their output.
///
/// The loop keeps an open pipe alive; `close()` lets go of it.
@Loop public final class OutputPipe {
  /// The writers' end. It is blocking, and stays the pipe's to close.
  public private(set) var input: CInt
  private let output: CInt
  private let received: @Loop (UnsafeRawBufferPointer) -> Void
  private var watch: Watch?

  /// Makes the pipe and begins to read.
  ///
  /// - Parameter received: gets each piece as it comes, at most 64 KiB; an empty one when the last writer has closed.
  /// - Throws: `ProcessError` when descriptors run out.
  public init(_ received: @escaping @Loop (UnsafeRawBufferPointer) -> Void) throws(ProcessError) {
    var ends: [CInt] = [-1, -1]
    guard cepoll_pipe(&ends) == 0 else { throw ProcessError("make", "a pipe", errno: errno) }
    (output, input) = (ends[0], ends[1])
    self.received = received
    _ = fcntl(output, F_SETFL, O_NONBLOCK)
    watch = Watch(output) { _ in self.drain() }
    watch?.interest = .readable
  }

  /// Takes what lies in the pipe now; one piece a call, so that a flood does not hold up the loop.
  public func drain() {
    guard watch != nil else { return }
    withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 16) { buffer in
      let count = read(output, buffer.baseAddress, buffer.count)
      if count == 0 { watch?.interest = [] }
      if count >= 0 { received(UnsafeRawBufferPointer(rebasing: buffer[..<count])) }
    }
  }

  /// Closes this process's copy of `input`, once the children have theirs: then their end is noticed.
  public func closeInput() {
    guard input >= 0 else { return }
    Glibc.close(input)
    input = -1
  }

  /// Stops reading. What writers write from then on fails. May be repeated.
  public func close() {
    guard let watch else { return }
    self.watch = nil
    watch.cancel()
    closeInput()
    Glibc.close(output)
  }
}
