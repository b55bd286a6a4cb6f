import Crypto
import Foundation
import Mesh

/// Passwords and keys that were made up for this clone, one a file, readable by their owner only.
struct Secrets: Sendable {
  private let folder: String
  init(_ folder: MeshFolder) { self.init(path: folder.secrets) }
  init(path: String) { folder = path }

  /// Keys that change, as services take them: `2:HEX,1:HEX`, the current one first. One is made up when they are asked for
  /// the first time. Throws `Failure`.
  func ring(_ name: String) throws(Failure) -> String {
    let path = "\(folder)/\(name)"
    if let data = FileManager.default.contents(atPath: path) {
      let text = String(decoding: data, as: UTF8.self)
      guard KeyRingText(option: text) != nil else {
        throw Failure("\(path) holds no keys", advice: "Put back what was there: ID:HEX, separated by commas.")
      }
      return text
    }
    let text = "1:\(Self.newSecret())"
    try replaceRing(name, with: text)
    return text
  }

  /// Has services that are started from now on take other keys. Throws `Failure`.
  func replaceRing(_ name: String, with text: String) throws(Failure) {
    try replaceFile("\(folder)/\(name)", with: Data(text.utf8))
  }

  /// 32 bytes that nobody can guess, as 64 hexadecimal digits.
  static func newSecret() -> String {
    var random = SystemRandomNumberGenerator()
    return Hex.encode((0..<32).map { _ in UInt8.random(in: 0...255, using: &random) })
  }

  /// The secret of that name, 64 hexadecimal digits; made up when it is asked for the first time. Throws `Failure`.
  func secret(_ name: String) throws(Failure) -> String {
    let path = "\(folder)/\(name)"
    if let data = FileManager.default.contents(atPath: path), data.count == 64 {
      return String(decoding: data, as: UTF8.self)
    }
    let text = Self.newSecret()
    try replaceFile(path, with: Data(text.utf8))
    return text
  }

  /// The secret of that name as a key. Throws `Failure`.
  func key(_ name: String) throws(Failure) -> SymmetricKey {
    guard let key = Hex.decode(try secret(name)).flatMap({ SymmetricKey($0) }) else {
      throw Failure("\(folder)/\(name) holds no key", advice: "Put back what was there: 64 hexadecimal digits.")
    }
    return key
  }

  /// Whether a secret of that name was made up before.
  func has(_ name: String) -> Bool { access("\(folder)/\(name)", F_OK) == 0 }
}
