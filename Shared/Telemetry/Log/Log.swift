/// A structured log: each call writes one line, as JSON for machines or readable on a terminal.
/// ```swift
/// let log = Log(service: "broker", options: options.log)
/// log.info("connection closed", ["peer": peer, "bytes": count])
/// log.limited().warning("fetch failed", ["partition": partition])
/// ```
/// The message is a fixed text that can be searched for; what varies goes into the fields. Message and fields are not even
/// evaluated when the level is off. The trace and span of `TraceContext.current` are added.
///
/// A `Log` is a value that any thread may use; its copies share one sink, which writes whole lines, one at a time.
public struct Log: Sendable {
  /// Names and values, in the order they are written. Numbers and booleans stay such in JSON, a `Duration` is written as
  /// milliseconds, all else by its description.
  public typealias Fields = KeyValuePairs<String, any CustomStringConvertible>

  /// How much a line matters.
  public enum Level: String, CaseIterable, Comparable, OptionValue {
    /// For whoever works on the code.
    case debug
    /// What a run is told by: started, connected, stopped.
    case info
    /// Something failed and is taken care of.
    case warning
    /// Something failed for good; somebody should look.
    case error

    /// By importance.
    public static func < (a: Level, b: Level) -> Bool { a.rank < b.rank }

    private var rank: Int {
      switch self {
      case .debug: 0
      case .info: 1
      case .warning: 2
      case .error: 3
      }
    }
  }

  let sink: LogSink?
  /// The least important level that is written.
  public let level: Level
  /// Fields of every line, written out in the sink's format.
  var bound: [UInt8] = []
  /// How many lines `limited` held back since the last one.
  private var suppressed = 0

  init(sink: LogSink?, level: Level) {
    self.sink = sink
    self.level = level
  }

  /// A log to standard error.
  /// - Parameters:
  ///   - service: the program's name, in each line.
  ///   - replica: which of its replicas this is, in each line if given.
  public init(service: String, replica: String? = nil, options: LogOptions) {
    self.init(
      service: service, replica: replica, level: options.level,
      format: options.format ?? .suited(to: 2), descriptor: 2)
  }

  /// A log to the open file `descriptor`, which stays the caller's and must outlive the log.
  public init(service: String, replica: String? = nil, level: Level, format: LogFormat, descriptor: Int32) {
    sink = LogSink(service: service, replica: replica, format: format, descriptor: descriptor)
    self.level = level
  }

  /// A log that writes nothing.
  public static let disabled = Log(sink: nil, level: .error)

  /// Whether lines of `level` are written.
  public func isEnabled(_ level: Level) -> Bool { sink != nil && level >= self.level }

  /// This log with `fields` in each line.
  public func with(_ fields: Fields) -> Log {
    guard let sink else { return self }
    var log = self
    var line = LogLine(sink.format)
    for (name, value) in fields { line.append(field: name, value) }
    log.bound += line.bytes
    return log
  }

  /// This log, or one that writes nothing when the same place in the code logged less than `interval` ago; the next line
  /// then tells in `suppressed` how many were held back. Against floods of the same line; the table behind it holds as
  /// many entries as there are such places.
  public func limited(
    every interval: Duration = .seconds(10), file: StaticString = #fileID, line: UInt = #line
  ) -> Log {
    guard let sink else { return self }
    guard let suppressed = sink.admit(LogSite(file: file, line: line), every: interval) else { return .disabled }
    var log = self
    log.suppressed = suppressed
    return log
  }

  /// Writes a line for whoever works on the code.
  @inlinable
  public func debug(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> Fields = [:]) {
    if isEnabled(.debug) { write(.debug, message(), fields()) }
  }

  /// Writes a line about the course of things.
  @inlinable
  public func info(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> Fields = [:]) {
    if isEnabled(.info) { write(.info, message(), fields()) }
  }

  /// Writes a line about something that failed and is taken care of.
  @inlinable
  public func warning(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> Fields = [:]) {
    if isEnabled(.warning) { write(.warning, message(), fields()) }
  }

  /// Writes a line about something that failed for good.
  @inlinable
  public func error(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> Fields = [:]) {
    if isEnabled(.error) { write(.error, message(), fields()) }
  }

  @usableFromInline
  func write(_ level: Level, _ message: String, _ fields: Fields) {
    sink?.write(level) { line in
      line.append(message: message)
      if let trace = TraceContext.current { line.append(trace) }
      line.bytes += bound
      for (name, value) in fields { line.append(field: name, value) }
      if suppressed > 0 { line.append(field: "suppressed", suppressed) }
    }
  }
}

/// What a line looks like.
public enum LogFormat: String, CaseIterable, OptionValue {
  /// One JSON object a line.
  case json
  /// For eyes.
  case pretty
}

/// How much is logged, and in which form. Every program has these options.
public struct LogOptions: OptionGroup {
  /// The least important level that is written.
  @Option("log-level", env: "LOG_LEVEL", help: "The least important lines that are written.")
  public var level: Log.Level = .info

  /// The form of the lines; nil to suit standard error.
  @Option("log-format", env: "LOG_FORMAT", help: "Form of the lines; when left out, pretty on a terminal, else json.")
  public var format: LogFormat? = nil

  /// The declarations.
  public init() {}
}
