import Contract
import EventLoop
import Foundation
import ProfilesAPI
import Testing

@testable import Profiles

@Suite(.timeLimit(.minutes(2))) struct PictureMakerTests {
  /// A picture drawn by GraphicsMagick; `options` come before the file's name.
  @Loop static func draw(
    _ format: String, _ options: String = "-size 800x600 gradient:red-blue"
  ) async throws -> [UInt8] {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("drawn-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: file) }
    _ = try await gm(["convert"] + options.split(separator: " ").map(String.init) + ["\(format):\(file.path)"])
    return Array(try Data(contentsOf: file))
  }

  /// What GraphicsMagick says of a picture in the form `format`.
  @Loop private static func identify(_ picture: [UInt8], _ format: String) async throws -> String {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("made-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: file) }
    try Data(picture).write(to: file)
    return try await gm(["identify", "-format", format, file.path])
      .trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// What GraphicsMagick prints.
  @Loop private static func gm(_ arguments: [String]) async throws -> String {
    var output: [UInt8] = []
    let pipe = try OutputPipe { output += $0 }
    defer { pipe.close() }
    let process = try ChildProcess("gm", arguments, environment: ["PATH": "/usr/bin:/bin"], output: pipe.input)
    pipe.closeInput()
    #expect(await process.waitUntilEnded() == .status(0))
    pipe.drain()
    return String(decoding: output, as: UTF8.self)
  }

  @Test(arguments: ["jpeg", "png", "gif", "webp"])
  @Loop func `a picture of each format becomes three squares`(format: String) async throws {
    let made = try await PictureMaker().make { try await Self.draw(format) }
    for size in Picture.Size.allCases {
      let file = try #require(made.files[size])
      #expect(try await Self.identify(file, "%m %wx%h") == "WEBP \(size.rawValue)x\(size.rawValue)")
      #expect(made.picture.key(size).text.hasPrefix("public/profiles/\(made.picture.digest)-"))
    }
  }

  @Test @Loop func `the same picture has the same name, another one has another`() async throws {
    let maker = PictureMaker()
    let (one, other) = (try await Self.draw("png"), try await Self.draw("png", "-size 80x60 xc:green"))
    let (first, again) = (try await maker.make { one }, try await maker.make { one })
    #expect(first.picture == again.picture)
    #expect(try await maker.make { other }.picture != first.picture)
  }

  @Test @Loop func `nothing is kept of what stands beside the picture`() async throws {
    let image = try await Self.draw("jpeg", "-size 300x200 xc:red -comment at-home-in-the-garden")
    #expect(String(decoding: image, as: Unicode.ASCII.self).contains("at-home-in-the-garden"))
    let made = try await PictureMaker().make { image }
    for file in made.files.values {
      #expect(!String(decoding: file, as: Unicode.ASCII.self).contains("garden"))
    }
  }

  @Test @Loop func `what is no picture is told from what is a broken one, and nothing is left behind`() async throws {
    let place = FileManager.default.temporaryDirectory.appendingPathComponent("pictures-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: false)
    let maker = PictureMaker(in: place)
    let script: [UInt8] = Array("push graphic-context\nviewbox 0 0 9 9\nimage over 0,0 0,0 '/etc/passwd'\n".utf8)
    for file in [[], Array("GIF8".utf8), Array("<svg/>".utf8), script] {
      await #expect(throws: SetAvatar.Refusal.unknownFormat) { try await maker.make { file } }
    }
    let cut = Array(try await Self.draw("png").prefix(200))
    let masked = [0xFF, 0xD8, 0xFF] + script
    for file in [cut, masked] {
      await #expect(throws: SetAvatar.Refusal.brokenImage) { try await maker.make { file } }
    }
    await #expect(throws: Unreadable.self) { try await maker.make { throw Unreadable() } }
    #expect(try FileManager.default.contentsOfDirectory(atPath: place.path) == [])
    try FileManager.default.removeItem(at: place)
  }

  private struct Unreadable: Error {}

  @Test(arguments: ["jpeg", "png", "gif", "webp"], [0.1, 0.5, 0.95])
  @Loop func `a picture that breaks off is broken, wherever`(format: String, share: Double) async throws {
    let image = try await Self.draw(format)
    let cut = Array(image.prefix(Int(Double(image.count) * share)))
    await #expect(throws: SetAvatar.Refusal.brokenImage) { try await PictureMaker().make { cut } }
  }

  @Test @Loop func `a file is read when it is its turn`() async throws {
    let (maker, image) = (PictureMaker(), try await Self.draw("png", "-size 60x60 xc:blue"))
    let readers = Readers()
    let tasks = (0..<8).map { _ in
      Task { @Loop in
        _ = try await maker.make {
          readers.now += 1
          readers.most = max(readers.most, readers.now)
          return image
        }
        readers.now -= 1
      }
    }
    for task in tasks { try await task.value }
    #expect(readers.most <= 2)
  }

  @Loop private final class Readers { var (now, most) = (0, 0) }

  @Test @Loop func `what a maker that was killed has left is swept, and nothing else`() async throws {
    let files = FileManager.default
    let place = files.temporaryDirectory.appendingPathComponent("pictures-\(UUID().uuidString)")
    for name in ["skillmesh-picture-old", "skillmesh-picture-new", "other-old"] {
      let folder = place.appendingPathComponent(name)
      try files.createDirectory(at: folder, withIntermediateDirectories: true)
      try Data([1]).write(to: folder.appendingPathComponent("original"))
      let age: TimeInterval = name.hasSuffix("old") ? -7200 : 0
      try files.setAttributes([.modificationDate: Date(timeIntervalSinceNow: age)], ofItemAtPath: folder.path)
    }
    await PictureMaker(in: place).sweep(before: Date(timeIntervalSinceNow: -3600))
    #expect(
      try files.contentsOfDirectory(atPath: place.path).sorted() == ["other-old", "skillmesh-picture-new"])
    try files.removeItem(at: place)
  }

  @Test @Loop func `a small file that unfolds to very many pixels is refused before it does`() async throws {
    // 400 million pixels in some kilobytes.
    let bomb = Self.blankPNG(width: 20_000, height: 20_000)
    #expect(bomb.count < 200_000)
    await #expect(throws: SetAvatar.Refusal.tooManyPixels) { try await PictureMaker().make { bomb } }
  }

  @Test @Loop func `many at once take turns`() async throws {
    let (maker, image) = (PictureMaker(), try await Self.draw("png", "-size 60x60 xc:blue"))
    let tasks = (0..<8).map { _ in Task { @Loop in try await maker.make { image }.picture } }
    var pictures: Set<Picture> = []
    for task in tasks { pictures.insert(try await task.value) }
    #expect(pictures.count == 1)
  }

  /// The beginning of a PNG of one bit a pixel: its header alone says how many there are.
  private static func blankPNG(width: UInt32, height: UInt32) -> [UInt8] {
    let header = bytes(width) + bytes(height) + [1, 0, 0, 0, 0]
    let data: [UInt8] = [0x78, 0x9C, 0x03, 0x00, 0x00, 0x00, 0x00, 0x01]
    let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
    return signature + chunk("IHDR", header) + chunk("IDAT", data) + chunk("IEND", [])
  }

  private static func chunk(_ type: String, _ data: [UInt8]) -> [UInt8] {
    let content = Array(type.utf8) + data
    var checksum = ~UInt32(0)
    for byte in content {
      checksum ^= UInt32(byte)
      for _ in 0..<8 { checksum = checksum & 1 == 1 ? checksum >> 1 ^ 0xEDB8_8320 : checksum >> 1 }
    }
    return bytes(UInt32(data.count)) + content + bytes(~checksum)
  }

  private static func bytes(_ number: UInt32) -> [UInt8] {
    withUnsafeBytes(of: number.bigEndian) { Array($0) }
  }
}
