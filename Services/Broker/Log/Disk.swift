import Glibc

/// The system calls whose failure the log must survive, replaceable in tests.
struct Disk: Sendable {
  /// Writes some of the bytes at a position (pwrite); returns how many, or -1 with errno set.
  var write: @Sendable (_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, _ position: Int) -> Int
  /// Sets a file's length (ftruncate); returns 0, or -1 with errno set.
  var truncate: @Sendable (_ descriptor: Int32, _ size: Int) -> Int32
  /// Waits until a file's bytes are on disk (fdatasync); returns 0, or -1 with errno set.
  var sync: @Sendable (_ descriptor: Int32) -> Int32

  /// The real ones.
  static let kernel = Disk(
    write: { pwrite($0, $1.baseAddress, $1.count, $2) },
    truncate: { ftruncate($0, $1) },
    sync: { fdatasync($0) })

  /// Writes all of `bytes` at `position`; returns 0 or the errno that stopped it, when part may be written.
  func writeAll(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, at position: Int) -> Int32 {
    var done = 0
    while done < bytes.count {
      let count = write(descriptor, UnsafeRawBufferPointer(rebasing: bytes[done...]), position + done)
      if count > 0 {
        done += count
      } else if count == 0 {
        return ENOSPC
      } else if errno != EINTR {
        return errno
      }
    }
    return 0
  }

  /// Replaces a small file as a whole: after a crash there is either the old or the new content.
  ///
  /// The new name is durable once the folder is synced too (``syncFolder(_:)``).
  func replace(_ path: String, with bytes: [UInt8]) throws(LogError) {
    let draft = path + ".new"
    let file = try OpenFile(draft, O_WRONLY | O_CREAT | O_TRUNC)
    let failure = bytes.withUnsafeBytes { writeAll(file.descriptor, $0, at: 0) }
    guard failure == 0 else { throw .storage("write", draft, failure) }
    guard sync(file.descriptor) == 0 else { throw .storage("sync", draft, errno) }
    guard rename(draft, path) == 0 else { throw .storage("replace", path, errno) }
  }

  /// Makes the names in a folder durable.
  func syncFolder(_ path: String) throws(LogError) {
    let folder = try OpenFile(path, O_RDONLY | O_DIRECTORY)
    guard sync(folder.descriptor) == 0 else { throw .storage("sync", path, errno) }
  }
}

/// An open file, closed when its last holder lets go; it may be held on any thread, even after the file was unlinked.
final class OpenFile: Sendable {
  let descriptor: Int32

  /// Opens `path`; a created file is readable by its owner and group only.
  init(_ path: String, _ flags: Int32) throws(LogError) {
    descriptor = open(path, flags | O_CLOEXEC, 0o640)
    guard descriptor >= 0 else { throw .storage("open", path, errno) }
  }

  deinit { close(descriptor) }

  /// Fills `buffer` from `position`; returns fewer bytes only at the end of the file.
  func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int) throws(LogError) -> Int {
    var done = 0
    while done < buffer.count {
      let count = pread(descriptor, buffer.baseAddress! + done, buffer.count - done, position + done)
      if count == 0 { break }
      if count > 0 {
        done += count
      } else if errno != EINTR {
        throw .storage("read", "file", errno)
      }
    }
    return done
  }

  /// Bytes in the file.
  func size() throws(LogError) -> Int {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .storage("examine", "file", errno) }
    return Int(status.st_size)
  }
}

/// Names and small files.
enum Files {
  /// The names in a folder, without `.` and `..`, sorted.
  static func list(_ path: String) throws(LogError) -> [String] {
    guard let folder = opendir(path) else { throw .storage("list", path, errno) }
    defer { closedir(folder) }
    var names: [String] = []
    errno = 0
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
      errno = 0
    }
    guard errno == 0 else { throw .storage("list", path, errno) }
    return names.sorted()
  }

  /// Makes a folder, unless it is there already.
  static func makeFolder(_ path: String) throws(LogError) {
    guard mkdir(path, 0o750) == 0 || errno == EEXIST else { throw .storage("make folder", path, errno) }
  }

  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// The whole of a file that must not be larger than `limit` bytes; nil when it does not exist.
  static func read(_ path: String, limit: Int = 64 << 20) throws(LogError) -> [UInt8]? {
    if access(path, F_OK) != 0 && errno == ENOENT { return nil }
    let file = try OpenFile(path, O_RDONLY)
    let size = try file.size()
    guard size <= limit else {
      throw LogError(.storage, "\(path) is \(size) bytes large; at most \(limit) are expected")
    }
    var failure: LogError?
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      do throws(LogError) {
        count = try file.read(into: UnsafeMutableRawBufferPointer(buffer), at: 0)
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return bytes
  }

  /// Removes a file or a folder with everything in it; what cannot be removed stays for the next start.
  static func remove(_ path: String) {
    guard unlink(path) != 0, errno == EISDIR || errno == EPERM else { return }
    for name in (try? list(path)) ?? [] { remove(path + "/" + name) }
    rmdir(path)
  }
}

/// Files and folders that are out of use, to be removed on a thread that may block.
struct Removal: Sendable {
  var paths: [String]

  func perform() {
    for path in paths { Files.remove(path) }
  }
}
