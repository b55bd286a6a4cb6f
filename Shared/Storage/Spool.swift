import Crypto
public import EventLoop
import Glibc

/// Collects bytes in a file without a name, which is gone when nobody uses it any more, however the process ends.
///
/// Memory stays flat: what was appended is on disk, and hashed.
public final class Spool: @unchecked Sendable {
  // Sendable by hand: `size` and the hash change only within `append`, of which callers run one at a time; the file
  // is read only after the last.

  let descriptor: CInt
  /// Bytes so far.
  public private(set) var size = 0
  private var hash = SHA256.Stream()
  private let pool: BackgroundPool

  private init(_ descriptor: CInt, _ pool: BackgroundPool) { (self.descriptor, self.pool) = (descriptor, pool) }

  deinit { close(descriptor) }

  /// An empty one in `folder`, whose writes run in `pool`. Throws `StorageError`.
  @Loop public static func make(in folder: String, _ pool: BackgroundPool) async throws(StorageError) -> Spool {
    try await pool.storage { () throws(StorageError) in
      try Folder.make(folder)
      let path = "\(folder)/.spool-\(UInt64.random(in: 0 ... .max))"
      let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
      guard descriptor >= 0 else { throw .system("cannot make a file in \(folder)") }
      unlink(path)
      return Spool(descriptor, pool)
    }
  }

  /// Adds `bytes`. Throws `StorageError`, after which nothing more can be added.
  @Loop public func append(_ bytes: [UInt8]) async throws(StorageError) {
    try await pool.storage { [self] () throws(StorageError) in
      try write(bytes, to: descriptor)
      hash.update(bytes)
      size += bytes.count
    }
  }

  /// SHA-256 of all of it, in hexadecimal digits.
  public var sha256: String { Hex.encode(digest) }

  var digest: [UInt8] { hash.digest }

  /// Reads into `buffer` from `offset`; returns how many bytes, 0 at the end and when the file cannot be read.
  func read(_ offset: Int, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
    max(0, pread(descriptor, buffer.baseAddress, buffer.count, offset))
  }
}

/// Writes all of `bytes`.
func write(_ bytes: [UInt8], to descriptor: CInt) throws(StorageError) {
  var written = 0
  while written < bytes.count {
    let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress! + written, bytes.count - written) }
    if count < 0, errno == EINTR { continue }
    guard count > 0 else { throw .system("cannot write") }
    written += count
  }
}

extension StorageError {
  /// The last system call's failure.
  static func system(_ what: String) -> StorageError { .failed("\(what): \(String(cString: strerror(errno)))") }
}

extension BackgroundPool {
  /// Runs `work` in the background, with its own kind of error.
  @Loop func storage<Value: Sendable>(
    _ work: @escaping @Sendable () throws(StorageError) -> Value
  ) async throws(StorageError) -> Value {
    do {
      return try await run { Result { () throws(StorageError) in try work() } }.get()
    } catch let error as StorageError {
      throw error
    } catch {
      throw .failed("\(error)")
    }
  }
}
