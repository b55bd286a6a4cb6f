import IdentityAPI
import Mesh
import Telemetry

/// Everything an operator can set.
struct IdentityOptions: Options {
  static let program = "identity"
  static let about = "Who members are: registration, sign-in, devices, roles and suspension."

  let mesh = MeshOptions()

  @Option(
    "development", env: "DEVELOPMENT",
    help: "Keep mail for /dev/mailbox instead of sending it. Never where others can ask.")
  var development: Bool = false

  @Option("public-url", env: "PUBLIC_URL", help: "Where members reach the web app; links in mail begin with it.")
  var publicURL: ServiceURL = ServiceURL(option: "http://127.0.0.1:8080")!

  @Option("smtp-url", env: "SMTP_URL", help: "The mail server: smtp://USER:PASSWORD@HOST:587 or smtps://HOST:465.")
  var smtpURL: Secret<ServiceURL>? = nil

  @Option("mail-from", env: "MAIL_FROM", help: "The address that mail comes from. Required with SMTP_URL.")
  var mailFrom: EmailAddress? = nil

  @Option(
    "password-cost", env: "PASSWORD_COST", in: ByteSize.kibibytes(8)...ByteSize.gibibytes(4),
    help: "Memory that hashing one password takes. Below 19MiB passwords are easily guessed: for tests only.")
  var passwordCost: ByteSize = .mebibytes(64)

  @Option("password-threads", env: "PASSWORD_THREADS", in: 1...64, help: "How many passwords are hashed at once.")
  var passwordThreads: Int = 2

  @Option(
    "rate-limit-scale", env: "RATE_LIMIT_SCALE", in: 0.001...1_000_000,
    help: "Multiplies how often one may register an address, and try anything from one network; for tests.")
  var rateLimitScale: Double = 1

  @Option(
    "key-period", env: "KEY_PERIOD", in: .seconds(2)...Duration.seconds(3650 * 86_400),
    help: "How long a key signs access tokens before the next one does.")
  var keyPeriod: Duration = .seconds(30 * 86_400)

  @Option(
    "key-lead", env: "KEY_LEAD", in: .seconds(1)...Duration.seconds(30 * 86_400),
    help: "How long before its first use a key is published. Shorter than the period.")
  var keyLead: Duration = .seconds(3600)

  func check() -> [String] {
    var problems = mesh.checkDatabase()
    if keyLead >= keyPeriod { problems.append("KEY_LEAD: must be shorter than KEY_PERIOD") }
    if !development, smtpURL == nil {
      problems.append("SMTP_URL: not set; without a mail server nobody can be verified")
    }
    if let smtpURL, !["smtp", "smtps"].contains(smtpURL.exposed.scheme) {
      problems.append("SMTP_URL: must begin with smtp:// or smtps://")
    }
    if smtpURL != nil, mailFrom == nil { problems.append("MAIL_FROM: not set, expected with SMTP_URL") }
    return problems
  }
}

extension EmailAddress: OptionValue {
  /// What to write.
  public static var expected: String { "an address such as name@example.org" }
  /// An address.
  public init?(option text: String) { self.init(text) }
  /// The address.
  public var optionText: String { text }
}
