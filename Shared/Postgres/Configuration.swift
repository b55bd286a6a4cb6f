import CPostgres
import EventLoop

extension Database {
  /// Where the database is and what may be asked of it.
  public struct Configuration: Sendable {
    /// `postgresql://user:password@host:port/database?sslmode=verify-full&…`, with all that libpq's URLs can say: TLS,
    /// several hosts, password files. Kept out of every message, as it may hold a password.
    public var url: String
    /// The name shown in `pg_stat_activity`.
    public var applicationName: String
    /// Connections for transactions.
    public var connections = 6
    /// How long one statement of a transaction may run.
    public var statementTimeout = Duration.seconds(10)
    /// How long one statement outside a transaction may run. They share a connection and wait for one another.
    public var queryTimeout = Duration.seconds(2)
    /// How much longer than a statement may run the server may be silent before the connection counts as lost.
    public var silenceGrace = Duration.seconds(5)
    /// How long a statement may wait for a lock.
    public var lockTimeout = Duration.seconds(3)
    /// How long a transaction may do nothing before the server ends its session, so that a process that hangs holds
    /// no locks.
    public var idleInTransactionTimeout = Duration.seconds(2)
    /// How long making a connection may take. Whole seconds, at least 2 (libpq's own limit).
    public var connectTimeout = Duration.seconds(5)
    /// How long work waits for a connection before it fails as `unavailable`.
    public var waitTimeout = Duration.seconds(5)
    /// How many pieces of work may wait for a connection; more fail at once as `overloaded`.
    public var maxWaiting = 1024
    /// How many statements may be under way on one connection.
    public var maxInFlight = 4096
    /// How many bytes of parameters may be under way on one connection.
    public var maxBytesInFlight = 64 << 20
    /// How many prepared statements each connection keeps; the least recently used goes first.
    public var preparedStatements = 256
    /// Told what the server remarks (`WARNING`, `NOTICE`, …): severity and message.
    public var onNotice: (@Loop @Sendable (_ severity: String, _ message: String) -> Void)?

    /// Begins with the defaults above.
    public init(url: String, applicationName: String) { (self.url, self.applicationName) = (url, applicationName) }

    /// What `PQconnectdbParams` is given. Throws `PostgresError` of kind `invalid` when the URL cannot be understood.
    func connectionParameters() throws -> [(keyword: String, value: String)] {
      var complaint: UnsafeMutablePointer<CChar>?
      guard let options = PQconninfoParse(url, &complaint) else {
        defer { PQfreemem(complaint) }
        throw PostgresError(.invalid, "the database URL is malformed (its text is kept out of this message)")
      }
      defer { PQconninfoFree(options) }
      var sessionOptions = [
        "statement_timeout": statementTimeout, "lock_timeout": lockTimeout,
        "idle_in_transaction_session_timeout": idleInTransactionTimeout,
      ].map { "-c \($0)=\($1.components.seconds * 1000 + $1.components.attoseconds / 1_000_000_000_000_000)" }.sorted()
      var option = options
      while let keyword = option.pointee.keyword {
        if String(cString: keyword) == "options", let value = option.pointee.val {
          sessionOptions.append(String(cString: value))
        }
        option += 1
      }
      // What stands before the URL is a default for it; what stands after overrides it.
      return [
        ("application_name", applicationName), ("connect_timeout", "\(max(2, connectTimeout.components.seconds))"),
        ("keepalives_idle", "15"), ("keepalives_interval", "5"), ("keepalives_count", "3"),
        ("tcp_user_timeout", "20000"), ("dbname", url), ("options", sessionOptions.joined(separator: " ")),
        ("client_encoding", "UTF8"),
      ]
    }
  }
}
