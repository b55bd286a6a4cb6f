import BenchKit
import Contract
import Crypto
import EventLoop
import Foundation
import Kafka
import Mesh
import MessagingAPI
import Telemetry

/// One conversation of very many messages in a mesh, made of words as they occur in life: a few in most messages, most in
/// very few.
@Loop struct LongConversation {
  /// Different words.
  static let words = 20_000
  private static let syllables = [
    "ba", "de", "fi", "go", "ku", "la", "me", "ni", "po", "ru", "sa", "te", "vi", "wo", "zu", "ka", "be", "di", "fo",
    "gu",
  ]
  /// Seconds from one message to the next.
  private static let pace = 20

  let id: String
  /// The access token of one of the two who take part.
  let token: String
  let messages: Int

  /// Opens it, and has messaging import the messages, sealed and indexed as if they had been sent.
  init(_ messages: Int, in mesh: WholeMesh) async throws {
    self.messages = messages
    let (one, other) = (try Self.register(mesh), try Self.register(mesh))
    let opened = try mesh.ask(
      "POST", "/api/v1/conversations", token: one.token, ["kind": "direct", "participantIds": ["\(other.id)"]])
    guard let text = opened["id"] as? String, let conversation = ConversationID(text) else {
      throw BenchFailure("no conversation: \(opened)")
    }
    id = text
    let asker = try Asker(
      KafkaConfiguration(brokers: mesh.brokers, clientID: "bench"),
      keys: .service("operator", asking: ["messaging"], root: mesh.rootKeys()), log: .disabled, metrics: Metrics())
    try await asker.start()
    let began = Timestamp.now - .seconds(messages * Self.pace)
    var dice = Dice(state: 1)
    for first in stride(from: 0, to: messages, by: ImportMessages.limit) {
      let batch = try (first..<min(first + ImportMessages.limit, messages)).map { number in
        ImportMessages.Written(
          senderId: number % 3 == 0 ? other.id : one.id, body: try MessageBody(Self.text(&dice)),
          sentAt: began + .seconds(number * Self.pace))
      }
      try await Self.bring(ImportMessages(conversation: conversation, messages: batch), asker)
      if first % 100_000 == 0 { BenchProgram.say("\(first) of \(messages) messages") }
    }
    await asker.close()
    // The first token may have expired by now.
    let signedIn = try mesh.ask("POST", "/api/v1/auth/login", ["email": one.email, "password": Self.password])
    guard let token = signedIn["accessToken"] as? String else { throw BenchFailure("no sign-in: \(signedIn)") }
    self.token = token
  }

  private static let password = "correct horse battery"

  private static func register(_ mesh: WholeMesh) throws -> (id: MemberID, token: String, email: String) {
    let email = "\(UUID().uuidString)@example.org"
    let answer = try mesh.ask(
      "POST", "/api/v1/auth/register",
      ["email": email, "password": password, "firstName": "Long", "lastName": "Talk"])
    guard let user = answer["user"] as? [String: Any], let text = user["id"] as? String, let id = MemberID(text),
      let token = answer["accessToken"] as? String
    else { throw BenchFailure("nobody was registered: \(answer)") }
    return (id, token, email)
  }

  private static func bring(_ request: ImportMessages, _ asker: Asker) async throws {
    let now = Timestamp.now
    let passport = Passport(
      endpoint: ImportMessages.name, request: UniqueID(at: now), deadline: now + .seconds(60),
      caller: .service("operator", member: nil))
    let key = Array(request.conversation.description.utf8)
    let answer = try await asker.ask(Question(passport, body: Array(JSONEncoder().encode(request)), key: key))
    guard answer.kind == .reply else {
      throw BenchFailure("import: \(String(decoding: answer.body, as: UTF8.self))")
    }
  }

  // MARK: Words

  /// Chance that repeats itself (SplitMix64).
  struct Dice: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var mixed = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
      mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
      return mixed ^ mixed >> 31
    }
  }

  /// A number from 0 up to `words`, drawn as often as the word of that rank occurs (Zipf's law).
  static func rank(_ dice: inout Dice) -> Int {
    let share = Double.random(in: 0..<1, using: &dice)
    return min(words, Int(pow(Double(words), share))) - 1
  }

  /// The word of a rank.
  static func word(_ rank: Int) -> String {
    var (rest, word) = (rank, "")
    for _ in 0..<4 {
      word += syllables[rest % syllables.count]
      rest /= syllables.count
    }
    return word
  }

  private static func text(_ dice: inout Dice) -> String {
    let count = Int.random(in: 3...9, using: &dice)
    return (0..<count).map { _ in word(rank(&dice)) }.joined(separator: " ")
  }
}
