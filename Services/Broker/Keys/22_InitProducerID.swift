import EventLoop
import Telemetry
import Wire

/// InitProducerId (0 to 4): an identity for an idempotent producer (KIP-98), or the next epoch of one that met an error
/// it cannot skip (KIP-360).
///
/// Transactions are not offered: a transactional id is refused with an error that clients do not retry.
enum InitProducerIDKey: Key {
  static let refusal = "this broker does not offer transactions: leave transactional.id unset"

  static func answer(_ request: InitProducerIDRequest, _ call: Call, _ broker: Broker) {
    guard request.transactionalID == nil else {
      broker.log.limited().warning(
        "refused a transactional producer", ["peer": call.connection.peer, "advice": refusal])
      return call.answer(InitProducerIDResponse(errorCode: .transactionalIDAuthorizationFailed))
    }
    if request.producerID >= 0, (0..<Int16.max).contains(request.producerEpoch) {
      return call.answer(
        InitProducerIDResponse(producerID: request.producerID, producerEpoch: request.producerEpoch + 1))
    }
    do throws(LogError) {
      call.answer(InitProducerIDResponse(producerID: try broker.folder.allocateProducerID(), producerEpoch: 0))
    } catch {
      call.answer(InitProducerIDResponse(errorCode: KafkaError(error)))
    }
  }
}
