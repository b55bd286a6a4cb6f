import Contract
import EventLoop
import IdentityAPI
import Mesh

/// How guessing is slowed down: by account, and by the client's network.
extension IdentityService {
  /// Counts an attempt on an account, if on any; throws `refusal` when it comes too soon after too many others.
  func admit(
    _ purpose: AttemptGuard.Purpose, on email: EmailAddress?, _ context: Context, else refusal: some Refusal
  ) async throws {
    let subjects = [email.map { account(purpose, $0) }, client(purpose, context)].compactMap(\.self)
    if let wait = try await AttemptStore.admit(subjects, now: context.now, in: mesh.database) {
      throw RefusalForNow(refusal, retryAfter: wait)
    }
  }

  /// The last attempt that was admitted has succeeded.
  func succeeded(_ purpose: AttemptGuard.Purpose, on email: EmailAddress, _ context: Context, _ tx: Tx) async throws {
    try await AttemptStore(tx).forget(account(purpose, email))
    if let client = client(purpose, context) { try await AttemptStore(tx).takeBack(client) }
  }

  private func account(_ purpose: AttemptGuard.Purpose, _ email: EmailAddress) -> AttemptStore.Subject {
    // Who guesses at a password is slowed down whatever the scale.
    purpose == .register
      ? .account(purpose, email, .account.scaled(by: options.rateLimitScale)) : .account(purpose, email)
  }

  /// Where the client is; nil when a service asks on its own account.
  private func client(_ purpose: AttemptGuard.Purpose, _ context: Context) -> AttemptStore.Subject? {
    context.client.map {
      .client(purpose, ClientNetwork(of: $0.address), .client.scaled(by: options.rateLimitScale))
    }
  }
}
