import Contract
import IdentityAPI

extension Mail {
  /// The mail that carries `token`, in words.
  init(
    _ token: OneTimeToken, for purpose: OneTimeToken.Purpose, to email: EmailAddress, _ name: PersonName, at url: String
  ) {
    to = email
    self.token = token.text
    let base = url.hasSuffix("/") ? String(url.dropLast()) : url
    switch purpose {
    case .verifyEmail:
      subject = "Please confirm your address"
      text = """
        Hello \(name),

        please confirm that this address is yours:

        \(base)/verify-email?token=\(token.text)

        The link holds for 24 hours. If you did not register, ignore this mail.
        """
    case .resetPassword:
      subject = "Choose a new password"
      text = """
        Hello \(name),

        you can choose a new password here:

        \(base)/reset-password?token=\(token.text)

        The link holds for one hour. If you did not ask for it, ignore this mail: your password stays as it is.
        """
    }
  }
}
