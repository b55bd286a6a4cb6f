/// What a server says in Socket.IO 5, as the text of an Engine.IO message: JSON that is there already is put in as it is.
///
/// All but `connectError` are in the namespace `/`, the only one there is here.
public enum SocketIOMessage {
  /// The client has joined. `session` names its place in the namespace; `recovery`, if the server keeps what is needed to
  /// go on after a lost connection, is what the client shows then.
  public static func connected(session: String, recovery: String? = nil) -> [UInt8] {
    var text = Array("40{\"sid\":".utf8)
    JSONQuoting.append(session, to: &text)
    if let recovery {
      text += Array(",\"pid\":".utf8)
      JSONQuoting.append(recovery, to: &text)
    }
    text.append(UInt8(ascii: "}"))
    return text
  }

  /// The client may not join `namespace`.
  ///
  /// - Parameters:
  ///   - message: why, for people.
  ///   - code: the stable word for programs.
  public static func connectError(namespace: String, message: String, code: String) -> [UInt8] {
    var text = Array("44".utf8)
    if namespace != "/" {
      text += Array(namespace.utf8)
      text.append(UInt8(ascii: ","))
    }
    text += Array("{\"message\":".utf8)
    JSONQuoting.append(message, to: &text)
    text += Array(",\"data\":{\"code\":".utf8)
    JSONQuoting.append(code, to: &text)
    text += Array("}}".utf8)
    return text
  }

  /// The server ends the client's part in the namespace; the client does not come back by itself.
  public static let disconnect = Array("41".utf8)

  /// Something happened.
  ///
  /// - Parameters:
  ///   - arguments: each one JSON value.
  public static func event(_ name: String, _ arguments: [UInt8]...) -> [UInt8] {
    var text = Array("42[".utf8)
    text.reserveCapacity(8 + name.utf8.count + arguments.reduce(0) { $0 + $1.count + 1 })
    JSONQuoting.append(name, to: &text)
    for argument in arguments {
      text.append(UInt8(ascii: ","))
      text += argument
    }
    text.append(UInt8(ascii: "]"))
    return text
  }

  /// Answers the event that the client gave `number`; `argument` is one JSON value.
  public static func ack(_ number: UInt64, _ argument: [UInt8]) -> [UInt8] {
    Array("43\(number)[".utf8) + argument + [UInt8(ascii: "]")]
  }
}
