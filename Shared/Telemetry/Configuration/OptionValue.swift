/// A type an option can have.
public protocol OptionValue: Sendable {
  /// What a well-formed value looks like, continuing the words "expected …": `a whole number`.
  static var expected: String { get }
  /// Whether values must not be seen.
  static var isSecret: Bool { get }
  /// Reads a value; nil if the text is not well-formed.
  init?(option text: String)
  /// The value as it would be typed.
  var optionText: String { get }
}

extension OptionValue {
  /// Not a secret.
  public static var isSecret: Bool { false }
}

extension String: OptionValue {
  /// What to write.
  public static var expected: String { "a text" }
  /// Any text but the empty one.
  public init?(option text: String) {
    guard !text.isEmpty else { return nil }
    self = text
  }
  /// Itself.
  public var optionText: String { self }
}

extension Int: OptionValue {
  /// What to write.
  public static var expected: String { "a whole number" }
  /// Decimal digits, with a sign if negative.
  public init?(option text: String) { self.init(text) }
  /// Its decimal digits.
  public var optionText: String { description }
}

extension Double: OptionValue {
  /// What to write.
  public static var expected: String { "a number" }
  /// A finite number.
  public init?(option text: String) {
    guard let number = Double(text), number.isFinite else { return nil }
    self = number
  }
  /// Its shortest decimal form.
  public var optionText: String { description }
}

extension Bool: OptionValue {
  /// What to write.
  public static var expected: String { "true or false" }
  /// `true`, `yes`, `on` or `1`, or their opposites.
  public init?(option text: String) {
    switch text {
    case "true", "yes", "on", "1": self = true
    case "false", "no", "off", "0": self = false
    default: return nil
    }
  }
  /// `true` or `false`.
  public var optionText: String { description }
}

/// A choice among named cases: declare `enum Format: String, CaseIterable, OptionValue`.
extension OptionValue where Self: RawRepresentable & CaseIterable, RawValue == String {
  /// The names to choose from.
  public static var expected: String { "one of " + allCases.map(\.rawValue).joined(separator: ", ") }
  /// The case of that name.
  public init?(option text: String) { self.init(rawValue: text) }
  /// The name.
  public var optionText: String { rawValue }
}

/// An option that may be left out: `var user: String? = nil`.
extension Optional: OptionValue where Wrapped: OptionValue {
  /// What to write, if anything.
  public static var expected: String { Wrapped.expected }
  /// Whether the wrapped type is.
  public static var isSecret: Bool { Wrapped.isSecret }
  /// A value of the wrapped type.
  public init?(option text: String) {
    guard let value = Wrapped(option: text) else { return nil }
    self = .some(value)
  }
  /// The wrapped value, or nothing.
  public var optionText: String { self?.optionText ?? "" }
}

/// Values separated by commas; spaces around them do not count. At least one.
extension Array: OptionValue where Element: OptionValue {
  /// What to write.
  public static var expected: String { "\(Element.expected), or several separated by commas" }
  /// Whether the wrapped type is.
  public static var isSecret: Bool { Element.isSecret }
  /// Each part must be well-formed.
  public init?(option text: String) {
    self = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let element = Element(option: part.trimmingSpaces) else { return nil }
      append(element)
    }
  }
  /// The elements, joined by commas.
  public var optionText: String { map(\.optionText).joined(separator: ",") }
}

extension Secret: OptionValue where Value: OptionValue {
  /// What to write.
  public static var expected: String { Value.expected }
  /// Always.
  public static var isSecret: Bool { true }
  /// A value of the wrapped type.
  public init?(option text: String) {
    guard let value = Value(option: text) else { return nil }
    self.init(value)
  }
  /// Empty for a value that may be left out and is; else a stand-in.
  public var optionText: String { exposed.optionText.isEmpty ? "" : description }
}

extension Substring {
  fileprivate var trimmingSpaces: String {
    var rest = self
    while rest.first == " " { rest.removeFirst() }
    while rest.last == " " { rest.removeLast() }
    return String(rest)
  }
}
