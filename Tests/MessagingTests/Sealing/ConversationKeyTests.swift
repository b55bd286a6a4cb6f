import Contract
import Crypto
import EventLoop
import MessagingAPI
import Testing

@testable import Messaging

@Suite struct ConversationKeyTests {
  let conversation = ConversationID(at: Timestamp(microseconds: 0))
  let message = MessageID(at: Timestamp(microseconds: 0))

  @Test func `a body opens with its conversation's key, as its own message's only`() throws {
    let key = ConversationKey(SymmetricKey())
    let content = key.seal("secret", of: message)
    #expect(try key.open(content, of: message) == "secret")
    #expect(throws: SealError.notAuthentic) { try key.open(content, of: MessageID(at: Timestamp(microseconds: 1))) }
    #expect(throws: SealError.notAuthentic) { try ConversationKey(SymmetricKey()).open(content, of: message) }
    #expect(key.seal("secret", of: message) != content)
  }

  @Test func `a label opens with its conversation's key, as its own conversation's only`() throws {
    let key = ConversationKey(SymmetricKey())
    let label = Label(title: try Title("Choir"), metadata: ["about": "singing"])
    let sealed = try #require(try key.seal(label, of: conversation))
    #expect(try key.open(sealed, of: conversation) == label)
    let other = ConversationID(at: Timestamp(microseconds: 1))
    #expect(throws: SealError.notAuthentic) { try key.open(sealed, of: other) }
    // Nor is it a message, and a message is no label.
    #expect(throws: SealError.notAuthentic) { try key.open(sealed, of: message) as String }
    #expect(throws: SealError.notAuthentic) { try key.open(key.seal("{}", of: message), of: conversation) }
    #expect(try key.seal(Label(), of: conversation) == nil)
  }

  @Test func `a word has one tag in a conversation, and another in each other`() {
    let data = SymmetricKey()
    #expect(ConversationKey(data).tag(of: "word") == ConversationKey(data).tag(of: "word"))
    #expect(ConversationKey(data).tag(of: "word") != ConversationKey(data).tag(of: "other"))
    #expect(ConversationKey(data).tag(of: "word") != ConversationKey(SymmetricKey()).tag(of: "word"))
  }

  @Test @Loop func `a key outlives the master key that it was sealed with`() throws {
    let (old, new) = (SymmetricKey(), SymmetricKey())
    let before = ConversationKeys(KeyRing(current: 1, keys: [1: old]))
    let made = before.make(for: conversation)
    #expect(made.sealed.masterID == 1)
    let content = made.key.seal("secret", of: message)

    let both = ConversationKeys(KeyRing(current: 2, keys: [1: old, 2: new]))
    let sealed = try both.rewrap(made.sealed.bytes, of: conversation)
    #expect(sealed.masterID == 2)
    let after = ConversationKeys(KeyRing(current: 2, keys: [2: new]))
    #expect(try after.key(of: conversation, sealed.bytes).open(content, of: message) == "secret")
    #expect(throws: SealError.unknownKey(1)) {
      try ConversationKeys(KeyRing(current: 2, keys: [2: new])).key(of: conversation, made.sealed.bytes)
    }
    #expect(throws: SealError.notAuthentic) {
      try both.key(of: ConversationID(at: Timestamp(microseconds: 1)), sealed.bytes)
    }
  }
}
