import TestKit
import Wire

/// What a client's bytes were understood as: one line an event.
func heard(_ bytes: [UInt8], cutInto size: Int? = nil, messageLimit: Int = 1 << 20) -> [String] {
  var machine = WebSocketMachine(messageLimit: messageLimit)
  var lines: [String] = []
  let size = size ?? max(bytes.count, 1)
  for start in stride(from: 0, to: bytes.count, by: size) {
    bytes[start..<min(start + size, bytes.count)].withUnsafeBytes { piece in
      var input = piece
      do throws(WebSocketViolation) {
        while let event = try machine.next(&input) { lines.append(line(event)) }
      } catch {
        lines.append("\(error.closeCode) \(error.rawValue)")
      }
      precondition(input.isEmpty, "bytes were left")
    }
  }
  return lines
}

/// The same, and checks that it makes no difference how the bytes arrive.
func heardHoweverCut(_ bytes: [UInt8], messageLimit: Int = 1 << 20) -> [String] {
  let whole = heard(bytes, messageLimit: messageLimit)
  for size in [1, 2, 3, 5, 7, 11, 64] {
    let cut = heard(bytes, cutInto: size, messageLimit: messageLimit)
    precondition(cut == whole, "in pieces of \(size): \(cut), whole: \(whole)")
  }
  return whole
}

private func line(_ event: WebSocketMachine.Event) -> String {
  func text(_ bytes: [UInt8]) -> String {
    bytes.count > 80 ? "\(bytes.count) bytes" : String(decoding: bytes, as: UTF8.self)
  }
  return switch event {
  case .text(let bytes): "text \(text(bytes))"
  case .binary(let bytes): "binary \(text(bytes))"
  case .ping(let bytes): "ping \(text(bytes))"
  case .pong(let bytes): "pong \(text(bytes))"
  case .close(let close): "close \(close.code) \(close.reason)"
  }
}
