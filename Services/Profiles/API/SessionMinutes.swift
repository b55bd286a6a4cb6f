import Contract

/// How long a session should be: 15 to 480 minutes.
public struct SessionMinutes: BoundedNumber {
  public static let range = 15...480
  public static let sample = SessionMinutes(known: 60)

  public let number: Int

  public init(known number: Int) { self.number = number }
}
