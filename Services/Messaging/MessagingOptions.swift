import Mesh
import Telemetry

/// Everything an operator can set.
struct MessagingOptions: Options {
  static let program = "messaging"
  static let about = "Conversations, messages, receipts, search, blocks, and how fast providers answer."

  let mesh = MeshOptions()

  @Option(
    "master-key", env: "MESSAGING_MASTER_KEY",
    help: "The keys that seal conversations' keys: ID:HEX, and older ones after a comma.")
  var masterKey: Secret<KeyRingText>

  @Option(
    "retention-days", env: "MESSAGE_RETENTION_DAYS", in: 0...36_500, help: "Days that messages are kept; 0 for ever.")
  var retentionDays: Int = 0

  func check() -> [String] { mesh.checkDatabase() }
}
