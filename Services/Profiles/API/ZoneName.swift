import Contract

/// The name of a time zone in the IANA database, as "Europe/Berlin". Whether the database knows it, the service checks.
public struct ZoneName: FormedText {
  private static let maximumLength = 64

  /// The name.
  public let text: String

  /// Reads what has the form of a name (`theory.html` of the database, "Names of timezones"); nil for anything else.
  public init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard text == "UTC" || (2...3).contains(parts.count), text.utf8.count <= Self.maximumLength else { return nil }
    let isName = parts.allSatisfy { part in
      !part.isEmpty
        && part.utf8.allSatisfy {
          (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || "_+-".utf8.contains($0)
        }
    }
    guard isName else { return nil }
    self.text = text
  }

  /// The name.
  public var description: String { text }

  /// What is said about a name that there is not.
  public static var unknown: InvalidValue {
    InvalidValue("timezone", "must be a time zone of the IANA database such as Europe/Berlin")
  }

  /// What is said about text that is no name.
  public static var malformed: InvalidValue { unknown }
  /// Text of limited length.
  public static var schema: Schema { .string(length: 1...maximumLength) }
  /// No place's.
  public static var sample: ZoneName { ZoneName("UTC")! }
}
