import Glibc

/// What is done to folders.
enum Folder {
  /// Makes `path` and the folders above it, as far as they are missing.
  static func make(_ path: String) throws(StorageError) {
    if mkdir(path, 0o750) == 0 || errno == EEXIST { return }
    guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex else {
      throw .system("cannot make the folder \(path)")
    }
    try make(String(path[..<slash]))
    guard mkdir(path, 0o750) == 0 || errno == EEXIST else { throw .system("cannot make the folder \(path)") }
  }

  /// Puts the names in `path` on disk, so that they outlast a loss of power.
  static func sync(_ path: String) throws(StorageError) {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .system("cannot open the folder \(path)") }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw .system("cannot sync the folder \(path)") }
  }

  /// Removes files of `path` that were changed before `second`, at most `limit`; returns how many.
  static func removeFiles(in path: String, before second: Int, limit: Int) -> Int {
    guard let folder = opendir(path) else { return 0 }
    defer { closedir(folder) }
    var removed = 0
    while removed < limit, let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      var status = stat()
      let file = "\(path)/\(name)"
      guard lstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_mtim.tv_sec < second else {
        continue
      }
      if unlink(file) == 0 { removed += 1 }
    }
    return removed
  }
}
