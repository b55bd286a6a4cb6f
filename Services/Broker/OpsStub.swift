import EventLoop
@Loop final class OperationsServer {
  let address: SocketAddress
  init(on address: SocketAddress, isReady: @escaping @Loop () -> Bool, metrics: @escaping @Loop () -> [UInt8]) throws { self.address = address }
  func close() {}
}
