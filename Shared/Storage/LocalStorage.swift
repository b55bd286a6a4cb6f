public import Contract
public import EventLoop
import Glibc

/// Objects as files below one folder, for one machine. Several processes may share it.
///
/// An object is written beside its place, synced, and then renamed into it. What a crash leaves half written lies in
/// `.parts` and is swept.
@Loop public final class LocalStorage: ObjectStorage {
  /// The folder.
  public let root: String
  private let pool: BackgroundPool

  private nonisolated static let sweepLimit = 1000
  private nonisolated static let parts = ".parts"

  /// Keeps objects in `root`, an absolute path, which is made when it is first needed.
  public init(root: String) {
    self.root = root.hasSuffix("/") ? String(root.dropLast()) : root
    pool = BackgroundPool(threads: 2)
  }

  deinit { pool.stop() }

  /// See `ObjectStorage`.
  public func put(_ content: ObjectContent, as key: ObjectKey, type: String) async throws(StorageError) {
    try await pool.storage { [root] () throws(StorageError) in
      try Self.place(key, below: root) { descriptor throws(StorageError) in
        switch content {
        case .bytes(let bytes): try write(bytes, to: descriptor)
        case .spool(let spool): try Self.copy(spool.descriptor, spool.size, to: descriptor)
        }
        guard fsync(descriptor) == 0 else { throw .system("cannot sync \(key)") }
      }
    }
  }

  /// See `ObjectStorage`.
  public func get(_ key: ObjectKey, limit: Int) async throws(StorageError) -> [UInt8] {
    try await pool.storage { [root] () throws(StorageError) in
      let descriptor = open("\(root)/\(key)", O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else { throw errno == ENOENT ? .missing(key) : .system("cannot open \(key)") }
      defer { close(descriptor) }
      var status = stat()
      guard fstat(descriptor, &status) == 0 else { throw .system("cannot read \(key)") }
      guard status.st_size <= limit else { throw .tooLarge(key, limit: limit) }
      var offset = 0
      let bytes = [UInt8](unsafeUninitializedCapacity: Int(status.st_size)) { buffer, count in
        while offset < buffer.count {
          let read = pread(descriptor, buffer.baseAddress! + offset, buffer.count - offset, offset)
          guard read > 0 else { break }
          offset += read
        }
        count = offset
      }
      guard bytes.count == status.st_size else { throw .system("cannot read all of \(key)") }
      return bytes
    }
  }

  /// See `ObjectStorage`: both names are of one file.
  public func copy(_ key: ObjectKey, to other: ObjectKey) async throws(StorageError) {
    try await pool.storage { [root] () throws(StorageError) in
      let part = try Self.partName(below: root)
      guard link("\(root)/\(key)", part) == 0 else {
        throw errno == ENOENT ? .missing(key) : .system("cannot link \(key)")
      }
      // Of two names of one file a rename does nothing; then this name must go all the same.
      defer { unlink(part) }
      try Self.rename(part, to: other, below: root)
    }
  }

  /// See `ObjectStorage`.
  public func remove(_ key: ObjectKey) async throws(StorageError) {
    try await pool.storage { [root] () throws(StorageError) in
      guard unlink("\(root)/\(key)") == 0 || errno == ENOENT else { throw .system("cannot remove \(key)") }
    }
  }

  /// See `ObjectStorage`.
  public func sweep(before time: Timestamp) async throws(StorageError) -> Int {
    try await pool.storage { [root] in
      [ObjectKey.Audience.incoming.rawValue, Self.parts].reduce(0) { count, folder in
        count
          + Folder.removeFiles(
            in: "\(root)/\(folder)", before: Int(time.microseconds / 1_000_000), limit: Self.sweepLimit - count)
      }
    }
  }

  /// The folder.
  public func place(of key: ObjectKey, now: Timestamp) -> ObjectPlace { .folder(root) }

  // MARK: In the background

  /// Lets `fill` write a new file, and gives it the name `key`.
  private nonisolated static func place(
    _ key: ObjectKey, below root: String, _ fill: (CInt) throws(StorageError) -> Void
  ) throws(StorageError) {
    let part = try partName(below: root)
    let descriptor = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o640)
    guard descriptor >= 0 else { throw .system("cannot make \(part)") }
    defer { close(descriptor) }
    do throws(StorageError) {
      try fill(descriptor)
      try rename(part, to: key, below: root)
    } catch {
      unlink(part)
      throw error
    }
  }

  /// A name for what is not an object yet.
  private nonisolated static func partName(below root: String) throws(StorageError) -> String {
    try Folder.make("\(root)/\(parts)")
    return "\(root)/\(parts)/\(UInt64.random(in: 0 ... .max))"
  }

  private nonisolated static func rename(
    _ part: String, to key: ObjectKey, below root: String
  ) throws(StorageError) {
    let path = "\(root)/\(key)"
    let folder = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
    try Folder.make(folder)
    guard Glibc.rename(part, path) == 0 else { throw .system("cannot name \(key)") }
    try Folder.sync(folder)
  }

  private nonisolated static func copy(_ source: CInt, _ size: Int, to target: CInt) throws(StorageError) {
    var offset: off_t = 0
    while offset < size {
      let count = sendfile(target, source, &offset, size - Int(offset))
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw .system("cannot copy \(size) bytes") }
    }
  }
}
