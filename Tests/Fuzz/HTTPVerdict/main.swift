// Says how the HTTP machine understands each of many connections, for comparison with other parsers.
//
// Standard input: cases, each a length (32 bits, little-endian) and so many bytes, fed to a new machine whole.
// Standard output: one line a case. For each request METHOD:target:body, the latter two in hexadecimal; then one of
// `clean` (between requests), `open` (amid one), `over` (the last one closed the connection), `upgrade`, or
// `refused:code`.
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

func verdict(_ bytes: UnsafeRawBufferPointer) -> String {
  var machine = HTTPRequestMachine(bodyLimit: .max)
  var input = bytes
  var words: [String] = []
  var current: HTTPRequestHead?
  var body: [UInt8] = []
  do throws(HTTPRefusal) {
    while let part = try machine.next(&input) {
      switch part {
      case .head(let head): (current, body) = (head, [])
      case .body(let bytes): body.append(contentsOf: bytes)
      case .end:
        guard let head = current else { preconditionFailure("a request ended that never began") }
        words.append("\(head.method.rawValue):\(hexadecimal(head.rawTarget.utf8)):\(hexadecimal(body))")
        if head.framing.wantsUpgrade { return (words + ["upgrade"]).joined(separator: " ") }
        if !head.framing.keepsAlive { return (words + ["over"]).joined(separator: " ") }
        machine.nextRequest()
      }
    }
    words.append(machine.isIdle ? "clean" : "open")
  } catch {
    words.append("refused:\(error.rawValue)")
  }
  return words.joined(separator: " ")
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

while let length = readWhole(4) {
  let count = length.withUnsafeBytes { Int(UInt32(littleEndian: $0.loadUnaligned(as: UInt32.self))) }
  guard let bytes = readWhole(count) else { preconditionFailure("the last case is shorter than it says") }
  print(bytes.withUnsafeBytes(verdict))
}
