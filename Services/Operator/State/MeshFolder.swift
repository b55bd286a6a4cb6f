import Foundation

/// Where one clone keeps everything that it runs: `.mesh/` beside the sources. Removing it, with nothing running, is a
/// fresh start.
struct MeshFolder: Sendable {
  /// The path; relative, so that even the deepest clone's socket file has a short enough name.
  let path: String

  init(_ path: String = ".mesh") { self.path = path }

  /// Where the running supervisor takes commands.
  var control: String { "\(path)/control" }
  /// Held locked by the supervisor while it runs.
  var lock: String { "\(path)/lock" }
  /// What is remembered from one `up` to the next.
  var state: String { "\(path)/state" }
  /// The processes that run now.
  var processes: String { "\(path)/processes" }
  var logs: String { "\(path)/logs" }
  var secrets: String { "\(path)/secrets" }

  /// The log of one replica, or of `supervisor`.
  func log(of name: String) -> String { "\(logs)/\(name).log" }

  /// Makes the folder and those in it. Throws `Failure`.
  func create() throws(Failure) {
    for folder in [path, logs, secrets] where mkdir(folder, 0o700) != 0 && errno != EEXIST {
      throw Failure(
        "cannot make the folder \(folder): \(String(cString: strerror(errno)))",
        advice: "Run ./mesh up as the owner of this folder, on a disk with room.")
    }
    // PostgreSQL, which refuses to be root, must get through to its own folder; it cannot list this one.
    if getuid() == 0 { chmod(path, 0o711) }
  }
}

/// Writes a file, its owner's alone, so that it is there whole or not at all. Throws `Failure`.
func replaceFile(_ path: String, with data: Data) throws(Failure) {
  let draft = "\(path).new"
  unlink(draft)
  let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
  guard descriptor >= 0 else { throw Failure("cannot write \(draft): \(String(cString: strerror(errno)))") }
  do {
    try FileHandle(fileDescriptor: descriptor, closeOnDealloc: true).write(contentsOf: data)
  } catch {
    throw Failure("cannot write \(draft): \(error.localizedDescription)")
  }
  guard rename(draft, path) == 0 else {
    throw Failure("cannot write \(path): \(String(cString: strerror(errno)))")
  }
}
