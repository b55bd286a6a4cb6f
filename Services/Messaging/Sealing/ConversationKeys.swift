import Contract
import Crypto
import EventLoop
import MessagingAPI

/// Makes and opens the keys of conversations, which are stored sealed by a master key. Those in use are kept open in
/// memory.
@Loop final class ConversationKeys {
  /// A key as it is stored.
  struct Sealed: Equatable {
    let bytes: [UInt8]
    /// The master key that seals it.
    let masterID: KeyRing.KeyID
  }

  /// When there are more, all are forgotten and opened again as they are needed.
  private static let limit = 20_000

  private let master: KeyRing
  private var open: [ConversationID: ConversationKey] = [:]

  init(_ master: KeyRing) { self.master = master }

  /// The master key that seals new keys.
  var currentID: KeyRing.KeyID { master.current }

  /// A new key for a conversation, and how it is stored.
  func make(for conversation: ConversationID) -> (key: ConversationKey, sealed: Sealed) {
    let data = SymmetricKey()
    return (ConversationKey(data), data.withBytes { seal($0, conversation) })
  }

  /// The key of a conversation. Throws `SealError`.
  func key(of conversation: ConversationID, _ sealed: [UInt8]) throws(SealError) -> ConversationKey {
    if let known = open[conversation] { return known }
    let data = try master.open(sealed, context: Self.context(conversation))
    guard let data = SymmetricKey(data) else { throw .notSealed }
    let key = ConversationKey(data)
    if open.count >= Self.limit { open = [:] }
    open[conversation] = key
    return key
  }

  /// A stored key, sealed anew under the current master key. Throws `SealError`.
  func rewrap(_ sealed: [UInt8], of conversation: ConversationID) throws(SealError) -> Sealed {
    seal(try master.open(sealed, context: Self.context(conversation)), conversation)
  }

  private func seal(_ data: some Collection<UInt8>, _ conversation: ConversationID) -> Sealed {
    Sealed(bytes: master.seal(data, context: Self.context(conversation)), masterID: master.current)
  }

  private static func context(_ conversation: ConversationID) -> [UInt8] {
    Array("conversation key \(conversation)".utf8)
  }
}
