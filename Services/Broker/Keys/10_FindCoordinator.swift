import EventLoop
import Telemetry
import Wire

/// FindCoordinator (0 to 2): who looks after a group. There is one broker, so it is this one.
///
/// Transactions are not offered: whoever asks for the coordinator of a transactional id is told so at once.
enum FindCoordinatorKey: Key {
  private static let group: Int8 = 0

  static func answer(_ request: FindCoordinatorRequest, _ call: Call, _ broker: Broker) {
    guard request.keyType == group else {
      return call.answer(
        FindCoordinatorResponse(
          errorCode: .transactionalIDAuthorizationFailed, errorMessage: InitProducerIDKey.refusal, nodeID: -1, host: "",
          port: -1))
    }
    let address = broker.advertised(to: call.connection)
    call.answer(FindCoordinatorResponse(nodeID: broker.nodeID, host: address.host, port: Int32(address.port)))
  }
}
