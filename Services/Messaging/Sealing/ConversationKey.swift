import Contract
import Crypto
import Foundation
import MessagingAPI

/// The key of one conversation: what its messages are sealed with, and what makes its words unlike any other's.
struct ConversationKey: Sendable {
  private let bodies: KeyRing
  private let words: SymmetricKey

  init(_ data: SymmetricKey) {
    bodies = KeyRing(current: 1, keys: [1: data.derived(for: "message bodies")])
    words = data.derived(for: "search words")
  }

  /// What a message says, for storing. It opens as that message's only.
  func seal(_ body: String, of message: MessageID) -> [UInt8] { bodies.seal(body.utf8, context: Self.context(message)) }

  /// What a message says. Throws `SealError`.
  func open(_ content: [UInt8], of message: MessageID) throws(SealError) -> String {
    String(decoding: try bodies.open(content, context: Self.context(message)), as: UTF8.self)
  }

  /// What a conversation is called and what is kept with it, for storing; nil when that is nothing. It opens as that
  /// conversation's only.
  func seal(_ label: Label, of conversation: ConversationID) throws -> [UInt8]? {
    guard label != Label() else { return nil }
    return bodies.seal(try JSONEncoder().encode(label), context: Self.context(conversation))
  }

  /// What a conversation is called and what is kept with it. Throws `SealError`.
  func open(_ sealed: [UInt8], of conversation: ConversationID) throws -> Label {
    try JSONDecoder().decode(Label.self, from: Data(try bodies.open(sealed, context: Self.context(conversation))))
  }

  /// What stands for a word in the index of this conversation.
  func tag(of stem: String) -> Int64 {
    BLAKE2b.hash(Array(stem.utf8), key: words, count: 16).prefix(8).reduce(0) { $0 << 8 | Int64($1) }
  }

  private static func context(_ message: MessageID) -> [UInt8] { Array("message \(message)".utf8) }

  private static func context(_ conversation: ConversationID) -> [UInt8] {
    Array("label of conversation \(conversation)".utf8)
  }
}
