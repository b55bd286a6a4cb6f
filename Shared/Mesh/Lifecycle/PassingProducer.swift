import EventLoop
import Kafka

extension Producer {
  /// Makes what sends answers and pushes, which are of no interest after some seconds. Both go through one producer: what
  /// one commit has to tell then leaves together.
  @Loop static func ofPassing(_ kafka: KafkaConfiguration) throws(KafkaError) -> Producer {
    var options = Options()
    options.guarantee = .leader
    options.deliveryTimeout = .seconds(10)
    options.reportDelay = .milliseconds(10)
    return try Producer(kafka, options)
  }
}
