import CPostgres

/// A failure of the database, or of the way to it.
///
/// `kind` says what is known about the outcome: this is what decides whether work may be repeated.
public struct PostgresError: Error, Sendable, CustomStringConvertible {
  /// What went wrong, seen from the work that failed.
  public enum Kind: Sendable {
    /// The server refused the statement; `state` says why. Its transaction has no effect.
    case server
    /// The connection broke. A transaction that had not begun to commit has no effect; of a statement outside a
    /// transaction the outcome is unknown.
    case connectionLost
    /// The connection broke, or time ran out, after COMMIT had been sent: the work took effect wholly or not at all.
    case commitUnknown
    /// No connection could be had in time. Nothing was sent.
    case unavailable
    /// A queue is at its bound. Nothing was sent.
    case overloaded
    /// The time that the caller allowed for the transaction is over. It has no effect.
    case timedOut
    /// A value in an answer is not of the type that was asked for, or is NULL.
    case decoding
    /// The call cannot be carried out as it was made: a parameter, a URL or a migration is at fault.
    case invalid
  }

  /// What is known about the outcome.
  public var kind: Kind
  /// What happened, in one sentence.
  public var message: String
  /// The server's error code, where the server gave one.
  public var state: SQLState?
  /// The server's further explanation.
  public var detail: String?
  /// The server's advice.
  public var hint: String?
  /// The constraint that was violated.
  public var constraint: String?
  /// The table that the error is about.
  public var table: String?
  /// The column that the error is about.
  public var column: String?
  /// The text of the statement, without its parameters.
  public var statement: String?
  /// The source line that made the call.
  public var origin: Origin?
  /// Whether the error belongs to another statement, with which this one was skipped or rolled back.
  public internal(set) var isConsequence = false
  /// Whether the server ended the session with the error.
  var endsSession = false

  init(_ kind: Kind, _ message: String, statement: String? = nil, origin: Origin? = nil) {
    (self.kind, self.message, self.statement, self.origin) = (kind, message, statement, origin)
  }

  /// Reads the fields of a result that reports an error.
  init(result: OpaquePointer, statement: String?, origin: Origin?) {
    func field(_ code: Character) -> String? {
      PQresultErrorField(result, CInt(code.asciiValue ?? 0)).map { String(cString: $0) }
    }
    self.init(
      .server, field("M") ?? Self.oneLine(PQresultErrorMessage(result)), statement: statement, origin: origin)
    state = field("C").map(SQLState.init(rawValue:))
    detail = field("D")
    hint = field("H")
    constraint = field("n")
    table = field("t")
    column = field("c")
    endsSession = ["FATAL", "PANIC"].contains(field("V"))
    if endsSession || state == nil { kind = .connectionLost }
  }

  /// Whether the same transaction, done again from its beginning, is safe and may succeed: it certainly had no effect,
  /// and what stopped it passes.
  public var isRetryable: Bool {
    switch kind {
    case .server: state?.isTransient ?? false
    case .connectionLost, .unavailable, .overloaded: true
    case .commitUnknown, .timedOut, .decoding, .invalid: false
    }
  }

  /// One line for a log: the message with its code, what it was about and where it was asked.
  public var description: String {
    var text = message
    if let state { text += " [\(state)]" }
    if let detail { text += " (\(detail))" }
    if let hint { text += "; \(hint)" }
    if let statement { text += ", in: \(statement.split(whereSeparator: \.isWhitespace).joined(separator: " "))" }
    if let origin { text += ", at \(origin)" }
    return text
  }

  static func oneLine(_ message: UnsafePointer<CChar>?) -> String {
    guard let message else { return "no reason given" }
    return String(cString: message).split(whereSeparator: \.isNewline).joined(separator: "; ")
  }
}

/// The line of source code that asked for something.
public struct Origin: Sendable, CustomStringConvertible {
  /// The module and file.
  public let file: StaticString
  /// The line in the file.
  public let line: UInt
  /// `Module/File.swift:line`.
  public var description: String { "\(file):\(line)" }

  init(_ file: StaticString, _ line: UInt) { (self.file, self.line) = (file, line) }
}

/// The five characters by which PostgreSQL names an error (manual, appendix A).
public struct SQLState: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
  /// The five characters.
  public let rawValue: String
  /// Takes the five characters.
  public init(rawValue: String) { self.rawValue = rawValue }
  /// The five characters.
  public var description: String { rawValue }

  /// A row with this key exists already.
  public static let uniqueViolation = SQLState(rawValue: "23505")
  /// A row that is referred to does not exist, or is still referred to.
  public static let foreignKeyViolation = SQLState(rawValue: "23503")
  /// NULL where a value is required.
  public static let notNullViolation = SQLState(rawValue: "23502")
  /// Something was divided by zero.
  public static let divisionByZero = SQLState(rawValue: "22012")
  /// Concurrent transactions contradict one another.
  public static let serializationFailure = SQLState(rawValue: "40001")
  /// This transaction was chosen to resolve a deadlock.
  public static let deadlockDetected = SQLState(rawValue: "40P01")
  /// A lock could not be had within `lock_timeout`.
  public static let lockNotAvailable = SQLState(rawValue: "55P03")
  /// The statement was cancelled, by request or by `statement_timeout`.
  public static let queryCanceled = SQLState(rawValue: "57014")
  /// No connection slot is left.
  public static let tooManyConnections = SQLState(rawValue: "53300")

  /// Whether what is reported passes by itself: conflicts between transactions, locks, exhausted connection slots, a
  /// server that stops or starts (57P) and lost connections (08).
  var isTransient: Bool {
    switch self {
    case .serializationFailure, .deadlockDetected, .lockNotAvailable, .tooManyConnections: true
    default: rawValue.hasPrefix("57P") || rawValue.hasPrefix("08")
    }
  }
}
