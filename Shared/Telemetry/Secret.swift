/// A value that must not be seen: a password, a key, a connection string. Printing, logging, interpolating or dumping it
/// gives `<secret>`; only `exposed` gives the value, so every place that uses it can be found by that word.
public struct Secret<Value: Sendable>: Sendable, CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  /// The value itself. Hand it to what needs it and to nothing that prints or stores it.
  public let exposed: Value

  /// Wraps `value`.
  public init(_ value: Value) { exposed = value }

  /// Always `<secret>`.
  public var description: String { "<secret>" }
  /// Always `<secret>`.
  public var debugDescription: String { "<secret>" }
  /// Shows no children, so `dump` does not reveal the value.
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}

extension Secret: Equatable where Value: Equatable {}
