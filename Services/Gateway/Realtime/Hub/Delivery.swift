import Contract
import EventLoop
import Telemetry
import Wire

/// Something that subscribers of a channel are told: put into bytes once for each dialect, however many they are.
@Loop final class Delivery {
  enum Content {
    /// An event; `data` is JSON. `sender` is the member whose client sent it, if one did.
    case event(name: String, data: [UInt8], sender: MemberID?)
    /// A member is in the channel's list from now on.
    case memberAdded(MemberID, ChannelGrant.Listing)
    /// A member is in it no more.
    case memberRemoved(MemberID)
    /// Events were lost on the way: what is shown of the channel has to be loaded anew. Then it is as it was here.
    case missed(Position)
  }

  /// The forms in which dialects write the same.
  enum Form: Int, CaseIterable {
    case pusher, socketIO
    /// For clients of Socket.IO that can go on where they were.
    case recoverableSocketIO
  }

  let channel: Channel
  let content: Content
  /// Where the channel is behind it; nil for what no history keeps.
  let position: Position?
  /// Only subscribers with this view are told; nil for all.
  let view: String?
  /// The connection that it came from, which is not told.
  let origin: SocketID?
  /// The step of a sampled trace that it came from.
  let trace: TraceContext?
  private var texts: [[UInt8]?] = Array(repeating: nil, count: Form.allCases.count)
  private var frames: [WebSocketFrame?] = Array(repeating: nil, count: Form.allCases.count)

  init(
    _ channel: Channel, _ content: Content, at position: Position? = nil, view: String? = nil, origin: SocketID? = nil,
    trace: TraceContext? = nil
  ) {
    (self.channel, self.content, self.position) = (channel, content, position)
    (self.view, self.origin, self.trace) = (view, origin, trace)
  }

  /// Takes an event as it came from another gateway.
  convenience init(_ channel: Channel, _ event: ChannelMessage.Event, at position: Position? = nil) {
    self.init(
      channel, .event(name: event.name, data: event.data, sender: event.sender?.member), at: position,
      view: event.view, origin: event.sender?.socket, trace: event.trace)
  }

  /// What log lines call it.
  var name: String {
    switch content {
    case .event(let name, _, _): name
    case .memberAdded: "member added"
    case .memberRemoved: "member removed"
    case .missed: "missed"
    }
  }

  /// Whether it says that this very member has come or gone, which members need not be told of themselves.
  func isAbout(_ member: MemberID?) -> Bool {
    switch content {
    case .memberAdded(let subject, _), .memberRemoved(let subject): subject == member
    case .event, .missed: false
    }
  }

  /// The text in a dialect's form, made by `make` when it is asked for first.
  func text(_ form: Form, _ make: (Delivery) -> [UInt8]) -> [UInt8] {
    if let known = texts[form.rawValue] { return known }
    let text = make(self)
    texts[form.rawValue] = text
    return text
  }

  /// The same as a message, for any number of sockets.
  func frame(_ form: Form, _ make: (Delivery) -> [UInt8]) -> WebSocketFrame {
    if let known = frames[form.rawValue] { return known }
    let frame = WebSocketFrame(text: text(form, make))
    frames[form.rawValue] = frame
    return frame
  }
}
