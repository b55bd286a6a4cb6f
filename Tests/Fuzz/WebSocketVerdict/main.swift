// Says how the WebSocket machine understands each of many connections, for comparison with other parsers.
//
// Standard input: cases, each two lengths (32 bits, little-endian) and so many bytes as the first says, fed to a new
// machine in pieces of the second.
// Standard output: one line a case. For each event its kind and payload in hexadecimal, as `text:6869`; a close is
// `close:code:reason`. Then `open`, or `refused:code:why`.
import Glibc
import Wire

func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
  var text = ""
  for byte in bytes {
    text += String(byte >> 4, radix: 16)
    text += String(byte & 15, radix: 16)
  }
  return text
}

func word(_ event: WebSocketMachine.Event) -> String {
  switch event {
  case .text(let bytes): "text:\(hexadecimal(bytes))"
  case .binary(let bytes): "binary:\(hexadecimal(bytes))"
  case .ping(let bytes): "ping:\(hexadecimal(bytes))"
  case .pong(let bytes): "pong:\(hexadecimal(bytes))"
  case .close(let close): "close:\(close.code):\(hexadecimal(close.reason.utf8))"
  }
}

func verdict(_ bytes: [UInt8], cutInto size: Int) -> String {
  var machine = WebSocketMachine(messageLimit: 1000)
  var words: [String] = []
  for start in stride(from: 0, to: bytes.count, by: size) {
    let refusal: WebSocketViolation? = bytes[start..<min(start + size, bytes.count)].withUnsafeBytes { piece in
      var input = piece
      do throws(WebSocketViolation) {
        while let event = try machine.next(&input) { words.append(word(event)) }
        return nil
      } catch {
        return error
      }
    }
    if let refusal { return (words + ["refused:\(refusal.closeCode):\(refusal)"]).joined(separator: " ") }
  }
  return (words + ["open"]).joined(separator: " ")
}

func readWhole(_ count: Int) -> [UInt8]? {
  let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
    while filled < count {
      let got = read(STDIN_FILENO, buffer.baseAddress! + filled, count - filled)
      guard got > 0 else { return }
      filled += got
    }
  }
  return bytes.count == count ? bytes : nil
}

while let lengths = readWhole(8) {
  let numbers = lengths.withUnsafeBytes { raw in
    [0, 4].map { Int(UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: $0, as: UInt32.self))) }
  }
  guard let bytes = readWhole(numbers[0]) else { preconditionFailure("the last case is shorter than it says") }
  print(verdict(bytes, cutInto: max(1, numbers[1])))
}
