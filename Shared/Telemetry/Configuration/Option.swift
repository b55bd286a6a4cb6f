import Glibc

/// One option of a program: its flag, its environment variable, its meaning, its type and its default. See `Options`.
///
/// A `Secret` value never comes in clear on the command line, where every user of the machine can read it: it comes in
/// the variable, or in a file named by the variable with `_FILE` appended or by the flag, which then ends in `-file`.
@propertyWrapper
public struct Option<Value: OptionValue>: Sendable {
  let typedSlot: OptionSlot<Value>

  /// An option with a default.
  /// - Parameters:
  ///   - flag: its name on the command line, without the dashes.
  ///   - env: its environment variable.
  ///   - help: what it means, for whoever runs the program.
  public init(wrappedValue: Value, _ flag: String, env: String, help: String) {
    typedSlot = OptionSlot(flag, env, help, fallback: wrappedValue)
  }

  /// A required option.
  public init(_ flag: String, env: String, help: String) {
    typedSlot = OptionSlot(flag, env, help, fallback: nil)
  }

  /// The value that was read; before that the default.
  public var wrappedValue: Value {
    guard let value = typedSlot.value else { preconditionFailure("--\(typedSlot.declaration.flag) was never read") }
    return value
  }
}

extension Option where Value: Comparable {
  /// An option with a default, whose value must lie in `range`.
  public init(wrappedValue: Value, _ flag: String, env: String, in range: ClosedRange<Value>, help: String) {
    typedSlot = OptionSlot(flag, env, help, fallback: wrappedValue, range)
    precondition(range.contains(wrappedValue), "the default of --\(flag) is out of its range")
  }

  /// A required option, whose value must lie in `range`.
  public init(_ flag: String, env: String, in range: ClosedRange<Value>, help: String) {
    typedSlot = OptionSlot(flag, env, help, fallback: nil, range)
  }
}

/// What is known about an option without reading it; the help page and the reference table are made of these.
public struct OptionDeclaration: Sendable, Equatable {
  /// Its name on the command line, without the dashes.
  public let flag: String
  /// Its environment variable; a secret may come from a file named by `<variable>_FILE` instead.
  public let variable: String
  /// What it means.
  public let help: String
  /// What a value looks like, unit and range included.
  public let expected: String
  /// The value when nothing is said: nil if there is none, empty if it may be left out.
  public let defaultText: String?
  /// Whether its value must not be seen.
  public let isSecret: Bool
  /// Whether the flag may stand alone, meaning true.
  public let isSwitch: Bool

  /// Whether the program refuses to start without it.
  public var isRequired: Bool { defaultText == nil }
}

protocol OptionWrapper {
  var slot: any OptionSlotProtocol { get }
}

extension Option: OptionWrapper {
  var slot: any OptionSlotProtocol { typedSlot }
}

protocol OptionSlotProtocol {
  var declaration: OptionDeclaration { get }
  /// Takes the value from the flags, else the environment, and says what is wrong with it.
  func problems(fillingFrom flags: [String: String], _ environment: (String) -> String?) -> [String]
}

/// Where an option's value is put, since a mirror of the `Options` value gives only copies of its properties.
final class OptionSlot<Value: OptionValue>: OptionSlotProtocol, @unchecked Sendable {
  // Written only by `Options.read`, before it hands the options to anyone.
  private(set) var value: Value?
  let declaration: OptionDeclaration
  private let isInRange: @Sendable (Value) -> Bool

  init(_ flag: String, _ variable: String, _ help: String, fallback: Value?) {
    value = fallback
    isInRange = { _ in true }
    declaration = Self.declaration(flag, variable, help, Value.expected, fallback)
  }

  init(_ flag: String, _ variable: String, _ help: String, fallback: Value?, _ range: ClosedRange<Value>)
  where Value: Comparable {
    value = fallback
    isInRange = range.contains
    let expected = "\(Value.expected), from \(range.lowerBound.optionText) to \(range.upperBound.optionText)"
    declaration = Self.declaration(flag, variable, help, expected, fallback)
  }

  private static func declaration(
    _ flag: String, _ variable: String, _ help: String, _ expected: String, _ fallback: Value?
  ) -> OptionDeclaration {
    OptionDeclaration(
      flag: Value.isSecret ? "\(flag)-file" : flag, variable: variable, help: help, expected: expected,
      defaultText: fallback?.optionText, isSecret: Value.isSecret, isSwitch: Value.self == Bool.self)
  }

  func problems(fillingFrom flags: [String: String], _ environment: (String) -> String?) -> [String] {
    let variable = declaration.variable
    func set(_ name: String) -> String? { environment(name).flatMap { $0.isEmpty ? nil : $0 } }
    let flag = flags[declaration.flag].map { (source: "--\(declaration.flag)", text: $0) }

    guard declaration.isSecret else {
      return take(flag ?? set(variable).map { (variable, $0) })
    }
    let file = flag ?? set("\(variable)_FILE").map { ("\(variable)_FILE", $0) }
    let inline = set(variable).map { (source: variable, text: $0) }
    guard let file, flag != nil || inline == nil else {
      if file != nil { return ["\(variable) and \(variable)_FILE: both set, expected one of them"] }
      return take(inline)
    }
    switch readSecretFile(file.text) {
    case .success(let text): return take(("\(file.source) (\(file.text))", text))
    case .failure(let failure): return ["\(file.source): cannot read \(quoted(file.text)): \(failure.reason)"]
    }
  }

  private func take(_ found: (source: String, text: String)?) -> [String] {
    guard let (source, text) = found else {
      guard value == nil else { return [] }
      let names = declaration.isSecret ? "\(declaration.variable)_FILE or " : ""
      return [
        "\(declaration.variable): not set, expected \(declaration.expected) (or \(names)--\(declaration.flag))"
      ]
    }
    guard let parsed = Value(option: text), isInRange(parsed) else {
      let got = declaration.isSecret ? "a secret of \(text.utf8.count) bytes" : quoted(text)
      return ["\(source): got \(got), expected \(declaration.expected)"]
    }
    value = parsed
    return []
  }
}

private struct FileFailure: Error {
  let reason: String
}

/// The text of the file at `path` without its final line break; at most 64 KiB, as secrets are short.
private func readSecretFile(_ path: String) -> Result<String, FileFailure> {
  let limit = 65_536
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { return .failure(FileFailure(reason: String(cString: strerror(errno)))) }
  defer { close(descriptor) }
  var bytes = [UInt8](repeating: 0, count: limit + 1)
  var count = 0
  while count < bytes.count {
    let taken = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress! + count, $0.count - count) }
    if taken < 0 { return .failure(FileFailure(reason: String(cString: strerror(errno)))) }
    if taken == 0 { break }
    count += taken
  }
  guard count <= limit else { return .failure(FileFailure(reason: "larger than 64 KiB")) }
  guard var text = String(validating: bytes[..<count], as: UTF8.self) else {
    return .failure(FileFailure(reason: "not UTF-8 text"))
  }
  while text.last?.isNewline == true { text.removeLast() }
  guard !text.isEmpty else { return .failure(FileFailure(reason: "empty")) }
  return .success(text)
}
