import Crypto
import Foundation

/// Passwords and keys that were made up for this clone, one a file, readable by their owner only.
struct Secrets: Sendable {
  private let folder: String
  init(_ folder: MeshFolder) { self.folder = folder.secrets }

  /// The secret of that name, 64 hexadecimal digits; made up when it is asked for the first time. Throws `Failure`.
  func secret(_ name: String) throws(Failure) -> String {
    let path = "\(folder)/\(name)"
    if let data = FileManager.default.contents(atPath: path), data.count == 64 {
      return String(decoding: data, as: UTF8.self)
    }
    var random = SystemRandomNumberGenerator()
    let bytes = (0..<32).map { _ in UInt8.random(in: 0...255, using: &random) }
    let text = bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
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
