import Crypto
import EventLoop
import Foundation
import ProfilesAPI

/// Makes members' pictures from what they send.
///
/// Files from strangers are decoded by a process of its own (GraphicsMagick), which may take so much memory and time and no
/// more, sees one private folder, and is told which format to read, so that no file can choose a decoder. What it writes is
/// encoded anew, without profiles, comments and places.
///
/// A few run at once; others wait their turn, and beyond a number of them whoever comes is told to come later.
@Loop final class PictureMaker {
  /// A picture and its files.
  struct Made: Sendable {
    let picture: Picture
    let files: [Picture.Size: [UInt8]]
  }

  /// As many are waiting as can.
  struct Busy: Error {}

  private nonisolated static let prefix = "skillmesh-picture-"
  private static let atOnce = 2
  private static let mostWaiting = 32
  private static let pixelLimit = "50MP"
  private static let memoryLimit = 1 << 30
  private static let time = Duration.seconds(15)

  private let place: URL
  private let files = BackgroundPool(threads: 1, limit: 128)
  private var running = 0
  private var waiting: [CheckedContinuation<Void, any Error>] = []

  /// Makes pictures in private folders below `place`, which are gone when the pictures are made.
  init(in place: URL = FileManager.default.temporaryDirectory) { self.place = place }

  deinit { files.stop() }

  /// Makes a picture of what `read` returns, which is called when it is its turn: files that wait are not held in memory.
  ///
  /// Throws `SetAvatar.Refusal` for what is no picture, `Busy`, and what `read` throws.
  func make(from read: @Loop () async throws -> [UInt8]) async throws -> Made {
    try await enter()
    defer { leave() }
    let (format, folder) = try await unpack(read)
    do {
      try await convert(format, in: folder)
      let made = try await files.run { try Self.readFiles(in: folder) }
      try await files.run { try FileManager.default.removeItem(at: folder) }
      return made
    } catch {
      try? await files.run { try FileManager.default.removeItem(at: folder) }
      throw error
    }
  }

  /// Puts the file into a private folder; it is held in memory no longer than that.
  private func unpack(_ read: @Loop () async throws -> [UInt8]) async throws -> (PictureFormat, URL) {
    let image = try await read()
    guard let format = PictureFormat(of: image) else { throw SetAvatar.Refusal.unknownFormat }
    return (format, try await files.run { [place] in try Self.makeFolder(in: place, holding: image) })
  }

  private func enter() async throws {
    try await withCheckedThrowingContinuation { continuation in
      // Counted here and no sooner: the way to this point may lead over other threads, and others may leave meanwhile.
      if running < Self.atOnce {
        running += 1
        continuation.resume()
      } else if waiting.count < Self.mostWaiting {
        waiting.append(continuation)
      } else {
        continuation.resume(throwing: Busy())
      }
    }
  }

  /// Hands one's turn to whoever has waited longest.
  private func leave() {
    if waiting.isEmpty { running -= 1 } else { waiting.removeFirst().resume() }
  }

  private func convert(_ format: PictureFormat, in folder: URL) async throws {
    let large = Picture.Size.large.rawValue
    var arguments = [
      "--as=\(Self.memoryLimit)", "--cpu=10", "--core=0", "gm", "convert", "-limit", "pixels", Self.pixelLimit,
      "-limit", "memory", "256MB", "-limit", "map", "0", "-limit", "disk", "0", "-limit", "threads", "1",
      // The first picture of those that move.
      "\(format.rawValue):\(folder.path)/original[0]", "-auto-orient", "-thumbnail", "\(large)x\(large)^",
      "-gravity", "center", "-extent", "\(large)x\(large)", "+profile", "*", "-quality", "85",
    ]
    for size in Picture.Size.allCases.sorted(by: { $0.rawValue > $1.rawValue }) {
      if size != .large { arguments += ["-resize", "\(size.rawValue)x\(size.rawValue)"] }
      let file = "webp:\(Self.file(size, in: folder).path)"
      arguments += size == .small ? [file] : ["-write", file]
    }
    var output: [UInt8] = []
    let pipe = try OutputPipe { output += $0.prefix(max(0, 4096 - output.count)) }
    defer { pipe.close() }
    let environment = ["PATH": "/usr/bin:/bin", "TMPDIR": folder.path, "LC_ALL": "C", "OMP_NUM_THREADS": "1"]
    let process = try ChildProcess("prlimit", arguments, environment: environment, output: pipe.input)
    pipe.closeInput()
    let timer = Loop.schedule(after: Self.time) { process.signal(SIGKILL) }
    defer { timer.cancel() }
    let end = await process.waitUntilEnded()
    pipe.drain()
    let remark = String(decoding: output, as: UTF8.self).lowercased()
    // There is one exit status for all that goes wrong, and none for a JPEG that breaks off: what is missing is made up.
    if remark.contains("resource limit") { throw SetAvatar.Refusal.tooManyPixels }
    guard end == .status(0), !remark.contains("premature end") else { throw SetAvatar.Refusal.brokenImage }
  }

  /// Removes the folders of makers that were killed, as far as nothing was done there since `time`.
  func sweep(before time: Date) async {
    let place = place
    try? await files.run {
      let key = URLResourceKey.contentModificationDateKey
      for folder in try FileManager.default.contentsOfDirectory(at: place, includingPropertiesForKeys: [key]) {
        guard folder.lastPathComponent.hasPrefix(Self.prefix),
          let changed = try? folder.resourceValues(forKeys: [key]).contentModificationDate, changed < time
        else { continue }
        try? FileManager.default.removeItem(at: folder)
      }
    }
  }

  // MARK: In the background

  private nonisolated static func makeFolder(in place: URL, holding image: [UInt8]) throws -> URL {
    let folder = place.appendingPathComponent(prefix + UUID().uuidString)
    try FileManager.default.createDirectory(
      at: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    try Data(image).write(to: folder.appendingPathComponent("original"))
    return folder
  }

  private nonisolated static func readFiles(in folder: URL) throws -> Made {
    var files: [Picture.Size: [UInt8]] = [:]
    for size in Picture.Size.allCases { files[size] = Array(try Data(contentsOf: file(size, in: folder))) }
    let digest = SHA256.hash(files[.large] ?? []).prefix(20)
    return Made(picture: Picture(digest: Hex.encode(digest)), files: files)
  }

  private nonisolated static func file(_ size: Picture.Size, in folder: URL) -> URL {
    folder.appendingPathComponent("\(size.rawValue).webp")
  }
}
