/// A reply that chooses its own HTTP status, where the endpoint has more than one success: 201 for a new conversation, 200
/// for the one that was there.
public protocol ReplyStatus {
  /// The status; not encoded by itself.
  var status: Int { get }
}
