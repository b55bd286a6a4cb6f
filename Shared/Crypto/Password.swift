import CCrypt
import CSodium
import Glibc

/// Passwords as they are kept: argon2id (RFC 9106) in the form `$argon2id$v=19$m=…`. Imported bcrypt hashes still verify.
///
/// Hashing and verifying take tens of milliseconds of CPU and the memory of the cost, by design: never on the event loop.
/// The password's bytes are taken as they are; whoever wants composed and decomposed accents to be the same normalises
/// first.
public enum Password {
  /// What a hash costs to make, to verify, and to guess.
  public struct Cost: Sendable, Equatable {
    /// Passes over the memory, 1 or more.
    public let passes: Int
    /// Bytes of memory, 8 KiB or more.
    public let memory: Int

    /// Costs of one's own.
    public init(passes: Int, memory: Int) {
      precondition(passes >= 1 && memory >= 8_192, "argon2id needs at least 1 pass and 8 KiB")
      self.passes = passes
      self.memory = memory
    }

    /// For logins: 2 passes over 64 MiB, as libsodium recommends for interactive use.
    public static let login = Cost(passes: 2, memory: 64 << 20)
  }

  /// A longer password is refused: 1,024 bytes.
  public static let maximumLength = 1_024

  /// The most an imported bcrypt hash may ask of the CPU: 2^14 rounds, about a second.
  static let maximumBcryptCost = 14

  /// The hash of `password` to keep, with a random salt of its own.
  /// - Throws: `PasswordError` when it is too long or the memory cannot be had.
  public static func hash(_ password: String, cost: Cost = .login) throws(PasswordError) -> String {
    guard password.utf8.count <= maximumLength else { throw .tooLong }
    Sodium.prepare()
    var output = [CChar](repeating: 0, count: Int(crypto_pwhash_STRBYTES))
    let status = crypto_pwhash_argon2id_str(
      &output, password, UInt64(password.utf8.count), UInt64(cost.passes), cost.memory)
    guard status == 0 else { throw .outOfMemory(cost.memory) }
    return String(decoding: output.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Whether `password` is the one behind `hash`: argon2id, or bcrypt (`$2a$`, `$2b$`, `$2y$`). False for anything else.
  public static func verify(_ password: String, against hash: String) -> Bool {
    guard password.utf8.count <= maximumLength else { return false }
    Sodium.prepare()
    if hash.hasPrefix("$argon2id$") {
      guard hash.utf8.count < Int(crypto_pwhash_STRBYTES), !hash.utf8.contains(0) else { return false }
      return crypto_pwhash_str_verify(hash, password, UInt64(password.utf8.count)) == 0
    }
    return isBcrypt(hash) && verifyBcrypt(password, hash)
  }

  /// Whether `hash` should be made anew, now that the password is at hand: another cost, or an imported bcrypt.
  public static func needsRehash(_ hash: String, cost: Cost = .login) -> Bool {
    Sodium.prepare()
    guard hash.hasPrefix("$argon2id$"), hash.utf8.count < Int(crypto_pwhash_STRBYTES) else { return true }
    return crypto_pwhash_argon2id_str_needs_rehash(hash, UInt64(cost.passes), cost.memory) != 0
  }

  /// `$2b$NN$` and 53 characters, NN from 04 up.
  private static func isBcrypt(_ hash: String) -> Bool {
    let text = Array(hash.utf8)
    guard text.count == 60, ["$2a$", "$2b$", "$2y$"].contains(hash.prefix(4)), text[6] == UInt8(ascii: "$"),
      let cost = Int(hash.dropFirst(4).prefix(2))
    else { return false }
    return (4...maximumBcryptCost).contains(cost)
  }

  private static func verifyBcrypt(_ password: String, _ hash: String) -> Bool {
    guard !password.utf8.contains(0) else { return false }  // C would take the rest for absent
    var scratch: UnsafeMutableRawPointer?
    var size: Int32 = 0
    defer {
      if let scratch { sodium_memzero(scratch, Int(size)) }
      free(scratch)
    }
    guard let made = crypt_ra(password, hash, &scratch, &size) else { return false }
    return constantTimeEqual(UnsafeRawBufferPointer(start: made, count: strlen(made)), hash.utf8)
  }
}

/// Why a password cannot be hashed.
public enum PasswordError: Error, Equatable, CustomStringConvertible {
  /// More than `Password.maximumLength` bytes.
  case tooLong
  /// So many bytes of memory cannot be had now; it may be tried again.
  case outOfMemory(Int)

  /// For the log.
  public var description: String {
    switch self {
    case .tooLong: "the password is longer than \(Password.maximumLength) bytes"
    case .outOfMemory(let bytes): "no \(bytes >> 10) KiB of memory for argon2id; hash fewer passwords at once"
    }
  }
}
